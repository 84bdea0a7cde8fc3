"""console: the ward board as static ES modules, served by nightlamp itself."""

from nightlamp.console.routes import router

__all__ = ["router"]
