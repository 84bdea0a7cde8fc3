"""`nightlamp demo`: a server and a simulated ward on this machine."""

from .terminal import fail


def demo() -> None:
    """A simulated ward of 40 patients on this machine; prints the console's address."""
    fail("not built yet")
