"""`nightlamp serve`: the server, until Ctrl-C."""

import sys
import traceback
from typing import Annotated

import typer

from .terminal import err, fail, settings_of


def serve(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but the log.")] = False,
) -> None:
    """Run the server until Ctrl-C."""
    settings = settings_of(context)
    # Imported here: the other commands must not wait for the server's libraries.
    from nightlamp import ahead
    from nightlamp.embedded.child import EmbeddedError
    from nightlamp.endings import Ended, StartError
    from nightlamp.identity.data_folder import DataFolderError, FolderInUse
    from nightlamp.identity.keys import KeyFile, KeyFileError
    from nightlamp.settings import ConfigurationError

    spinner = err.status("starting PostgreSQL, Redis and the engine ...")

    def ready(http_url: str, mqtt_port: int | None) -> None:
        spinner.stop()
        if quiet:
            return
        mqtt = f", MQTT on port {mqtt_port}" if mqtt_port else ""
        err.print(f"nightlamp is ready at [bold]{http_url}[/]{mqtt}. Ctrl-C stops it.", highlight=False)
        if not KeyFile(settings.data_dir / "keys.json").all():
            err.print("Nobody may enter yet: make a key with [bold]nightlamp keys create --role admin[/].")

    if sys.stderr.isatty() and not quiet:
        spinner.start()
    try:
        begun = ahead.begin(settings)
        import uvloop

        from nightlamp import app
        from nightlamp.observe import logs

        logs.configure(settings.log)
        uvloop.run(app.run(settings, ready, begun))
    except ConfigurationError as error:
        fail(str(error), 2)
    except (Ended, FolderInUse) as error:
        fail(str(error), error.code)
    except (StartError, DataFolderError, EmbeddedError, KeyFileError) as error:
        fail(str(error))
    except Exception as error:
        from nightlamp.store import StoreError

        if isinstance(error, StoreError):
            fail(str(error))
        # A fault of the program, which a fresh start may mend; 1 would tell the supervisor not to try (StageHung.code).
        traceback.print_exc()
        raise typer.Exit(70) from None
    finally:
        spinner.stop()
