"""What the engine is asked."""

import json
from collections.abc import Sequence


def trial(
    policies: Sequence[str | None], *, time_s_max: float, from_us: int | None = None, to_us: int | None = None
) -> bytes:
    """The JSON that `Engine.simulate`, `simulate_folder` and `simulate_recordings` take. A policy is TOML, None: the
    one in force (with `simulate_recordings` the one nightlamp carries). Times are microseconds since 1970-01-01 UTC,
    `to_us` exclusive; None is all there is."""
    asked = {
        "policies": list(policies),
        "from_us": from_us,
        "to_us": to_us,
        "time_ms_max": int(time_s_max * 1_000),
    }
    return json.dumps(asked).encode()
