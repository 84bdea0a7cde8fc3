"""The OpenAPI document is true enough for a foreign client: whatever it makes of it, no endpoint fails inside."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from running_server import RunningServer

REQUESTS_MIN = 50


@pytest.mark.timeout(240)
def test_no_request_made_from_the_document_is_answered_with_a_server_error(
    new_server: Callable[..., RunningServer],
) -> None:
    server = new_server()  # of its own: the client loads policies too
    end = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {server.keys['admin']}", "--checks", "not_a_server_error"),
            *("--phases", "examples,fuzzing", "--max-examples", "8", "--seed", "1", "--generation-database", "none"),
            *("--request-timeout", "20", "--no-color"),
        ],
        cwd=server.data_dir,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert end.returncode == 0, end.stdout[-4_000:] + end.stderr[-1_000:]
    made = re.search(r"(\d+) generated, (\d+) passed", end.stdout)
    assert made, end.stdout
    assert int(made[2]) >= REQUESTS_MIN
    assert "authentication" not in end.stdout, end.stdout
