"""Nothing acknowledged is lost: whole servers under faults. `python -m tests.fault --help`."""
