"""Room for open files: each connection is one, and the journal must never lack one for its next segment (P5)."""

import resource

import structlog

_log = structlog.get_logger("nightlamp.open_files")
#: For the journal, the spool, PostgreSQL, Redis and the process itself.
OWN_FILES = 512
#: More are never asked for.
FILES_MAX = 1 << 20


def make_room(connections_max: int) -> int:
    """Raise the soft limit as far as the system lets us; say where connections could use it up. Returns the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    needed = connections_max + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        _log.warning(
            "too few open files for all connections the limits allow: raise LimitNOFILE", files=soft, needed=needed
        )
    return soft
