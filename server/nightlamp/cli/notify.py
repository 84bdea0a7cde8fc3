"""`nightlamp notify`: the channels, and a test message through one of them."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from .terminal import err, fail, out, settings_of

app = typer.Typer(help="Notification channels: list, test.", no_args_is_help=True)


@app.command("list")
def list_channels(context: typer.Context) -> None:
    """List the channels of the settings and whether each can be used; leaves with 1 where one cannot.

    Also whom a chain of the settings' policy calls and no route reaches.
    """
    from nightlamp.bundles import policy
    from nightlamp.notify.address import Address
    from nightlamp.notify.reach import unreached
    from nightlamp.policy.checking import default_text
    from nightlamp.settings import ConfigurationError

    whole = settings_of(context)
    settings = whole.notify
    table, unusable = Table("channel", "service", "routes", "", box=None), 0
    for channel in settings.channels:
        try:
            service, why = Address(channel, settings.attempt_s_max).service, "usable"
        except ConfigurationError as error:
            service, why, unusable = "-", str(error), unusable + 1
        routes = sum(channel.name in route.channels for route in settings.routes)
        table.add_row(channel.name, service, str(routes), why)
    out.print(table)
    if settings.channels and settings.routes:
        try:
            missing = unreached(settings.routes, policy(whole) or default_text())
        except ConfigurationError as error:
            fail(str(error), 2)
        for one in missing:
            err.print(f"  {one}", highlight=False, markup=False)
    if unusable:
        raise typer.Exit(1)


@app.command()
def test(context: typer.Context, channel: Annotated[str, typer.Argument(help="The channel's name.")]) -> None:
    """Send a marked test message through a channel, once, and say what happened; leaves with 1 where it failed."""
    from nightlamp.notify.address import Address
    from nightlamp.notify.courier import Courier
    from nightlamp.notify.service import zone_of
    from nightlamp.notify.words import trial_message
    from nightlamp.settings import ConfigurationError

    settings = settings_of(context)
    found = next((one for one in settings.notify.channels if one.name == channel), None)
    if found is None:
        known = ", ".join(one.name for one in settings.notify.channels) or "none"
        fail(f"there is no channel {channel}; the settings name {known}", 2)
    try:
        address = Address(found, settings.notify.attempt_s_max)
    except ConfigurationError as error:
        fail(str(error), 2)
    message = trial_message(channel, datetime.now(zone_of(settings.site.timezone)))
    outcome = asyncio.run(Courier(channel, address, settings.notify.attempt_s_max).send(message))
    if outcome.error:
        fail(f"{channel} ({address.service}): not delivered after {outcome.elapsed_s:.1f} s: {outcome.error}")
    err.print(f"{channel} ({address.service}): taken after {outcome.elapsed_s:.2f} s. See whether it arrives.")
