"""`nightlamp keys`: make, list and revoke API keys. They hold at once, also for a running server."""

import json
from typing import Annotated

import typer
from rich.table import Table

from nightlamp.identity.keys import KeyFile, KeyFileError
from nightlamp.identity.roles import PERMISSIONS, Role

from .terminal import err, fail, out, settings_of

app = typer.Typer(help="API keys for HTTP, WebSocket and MQTT.", no_args_is_help=True)


def key_file(context: typer.Context) -> KeyFile:
    """The keys of the data folder that the settings name."""
    data = settings_of(context).data_dir
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return KeyFile(data / "keys.json")
    except (OSError, KeyFileError) as error:
        fail(str(error))


@app.command()
def create(
    context: typer.Context,
    role: Annotated[Role, typer.Option(help="What the key is for.")],
    source: Annotated[list[str] | None, typer.Option(help="Door it may use; repeat for more. All, if absent.")] = None,
    units: Annotated[str, typer.Option(help="Wards it may see or publish for, by commas. All, if absent.")] = "",
    note: Annotated[str, typer.Option(help="For the list: whose key this is.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print id and key as JSON.")] = False,
) -> None:
    """Make a key and print it. It is shown this once: only its hash is kept."""
    named = [unit.strip() for unit in units.split(",") if unit.strip()] or None
    try:
        key, text = key_file(context).create(role, source or (), named, note)
    except (OSError, KeyFileError, ValueError) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps({"id": key.id, "key": text, "role": role.value}))
        return
    err.print(f"Key [bold]{key.id}[/] for {role.value} ({', '.join(sorted(PERMISSIONS[role]))}).")
    err.print("HTTP: Authorization: Bearer <key>. MQTT: user name is the id, password is the key. Shown only now:")
    typer.echo(text)


@app.command("list")
def list_keys(context: typer.Context) -> None:
    """List the keys, without their secrets."""
    table = Table("id", "role", "doors", "wards", "created", "last used", "revoked", "note", box=None)
    for key in key_file(context).all():
        wards = "all" if key.units is None else ", ".join(key.units)
        times = (key.created_at[:16], key.last_used_day or "never", (key.revoked_at or "")[:16])
        table.add_row(key.id, key.role.value, ", ".join(key.sources) or "-", wards, *times, key.note)
    out.print(table)


@app.command()
def revoke(context: typer.Context, key_id: Annotated[str, typer.Argument(help="The key's id.")]) -> None:
    """Revoke a key: a running server refuses it within a second."""
    try:
        found = key_file(context).revoke(key_id)
    except (OSError, KeyFileError) as error:
        fail(str(error))
    if not found:
        fail(f"there is no key {key_id}")
    err.print(f"Key {key_id} is revoked.")
