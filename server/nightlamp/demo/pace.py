"""How long people and machines wait in the demo: its policy and its settings, both stated at the start.

The thresholds are those nightlamp starts with; only waiting is shorter, since a ward waits minutes where a demo has
five in all. `Pace(2)` waits half as long as `Pace(1)`, down to what a policy may say (reminders every 10 s).
"""

import json
from dataclasses import dataclass
from pathlib import Path

_POLICY = """\
# The policy of `nightlamp demo`: the NEWS2 thresholds of the Royal College of Physicians (2017), a rule over raw
# signals, chains of seconds.

[[rule]]
name = "news2-high"
cause = "news2"
score = "news2"
label = "NEWS2"
severity = "high"
enter = 7
enter_evaluations = 2
clear = 4
clear_evaluations = 3
clear_min_present = 5
lockout_s = 60
downgrade_s = 60

[[rule]]
name = "news2-medium"
cause = "news2"
score = "news2"
label = "NEWS2"
severity = "medium"
enter = 5
enter_evaluations = 3
clear = 3
clear_evaluations = 3
clear_min_present = 5
lockout_s = 60

# What NEWS2 does not see: a course. Breathing that grows faster while saturation is low.
[[rule]]
name = "breathing"
severity = "medium"
lockout_s = 60
when = {{ all = [
  {{ signal = "Resp", rising_by = 6, within_s = 60, stale_s = 60 }},
  {{ signal = "O2Sat", below = 94, clear = 95, for_s = 10, stale_s = 60 }},
] }}

# Without an answer: the charge nurse after {charge_nurse_s} s, the physician after {physician_s} s, then reminders.
[[escalation]]
severity = "high"
steps = [{{ after_s = {charge_nurse_s}, to = "charge_nurse" }}, {{ after_s = {physician_s}, to = "physician" }}]
repeat_s = {repeat_s}
expire_s = 1800

[technical]
monitor_silent_s = {silent_s}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """Waiting times; `times` is how many times shorter than the demo's usual ones."""

    times: float = 1.0

    def _seconds(self, usual: float, least: int = 1) -> int:
        return max(least, round(usual / self.times))

    @property
    def charge_nurse_s(self) -> int:
        """Seconds until nobody's alert goes to the charge nurse."""
        return self._seconds(20)

    @property
    def physician_s(self) -> int:
        """Seconds until it goes to the physician."""
        return self.charge_nurse_s + self._seconds(20)

    @property
    def repeat_s(self) -> int:
        """Seconds between reminders."""
        return self._seconds(15, 10)

    @property
    def silent_s(self) -> int:
        """Seconds of silence of a monitor that are trouble."""
        return self._seconds(15, 5)

    @property
    def silence_from_s(self) -> int:
        """Seconds after the first reading at which the demo unplugs one monitor."""
        return self._seconds(90)

    @property
    def silence_for_s(self) -> int:
        """Seconds until it is plugged in again."""
        return self.silent_s + self._seconds(20, 10)

    @property
    def reads_s(self) -> float:
        """Seconds the demo's nurse takes to look at a patient before she answers."""
        return max(1.0, 8 / self.times)

    def policy(self) -> str:
        """The policy, as TOML."""
        return _POLICY.format(
            charge_nurse_s=self.charge_nurse_s,
            physician_s=self.physician_s,
            repeat_s=self.repeat_s,
            silent_s=self.silent_s,
        )

    def in_words(self) -> str:
        """One sentence for the head of the demo."""
        return (
            f"an unanswered high alert goes to the charge nurse after {self.charge_nurse_s} s, to the physician after "
            f"{self.physician_s} s, then reminds every {self.repeat_s} s; a monitor is silent after {self.silent_s} s"
        )


def settings(folder: Path, pace: Pace, addresses: dict[str, str]) -> dict[str, str]:
    """Settings of the demo's server, as in the environment; writes the policy and the channels' addresses to files.

    `addresses`: apprise URLs of `ward-mail` (high and technical alerts) and `pager` (what goes to the physician).
    """
    (folder / "policy.toml").write_text(pace.policy())
    for name, url in addresses.items():
        (folder / f"{name}.url").write_text(url)
    channels = [
        {"name": name, "url_file": str(folder / f"{name}.url"), "rate_per_minute_max": 600} for name in addresses
    ]
    routes = [
        {"channels": ["ward-mail"]},
        {"channels": ["ward-mail"], "severities": ["technical"], "kinds": ["opened", "cleared"]},
        {"channels": ["pager"], "role": "physician", "kinds": ["escalated", "reminded"]},
    ]
    return {
        "POLICY_FILE": str(folder / "policy.toml"),
        "NOTIFY__CHANNELS": json.dumps(channels),
        "NOTIFY__ROUTES": json.dumps(routes),
        "NOTIFY__BACKOFF_S_MIN": "0.5",
        "NOTIFY__BACKOFF_S_MAX": "2",
        "NOTIFY__DEAD_FAILURES": "3",
    }
