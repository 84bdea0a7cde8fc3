"""`nightlamp dead-letters`: what could not be used, why, and once more."""

import base64
import json
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.table import Table

from .remote import Key, Url, call, server_url
from .terminal import err, out, settings_of

app = typer.Typer(help="What could not be used: list, show, replay.", no_args_is_help=True)
Seq = Annotated[int, typer.Argument(min=1, help="The frame's sequence number.")]


@app.command("list")
def list_letters(
    context: typer.Context,
    key: Key = "",
    url: Url = None,
    reason: Annotated[str | None, typer.Option(help="Only this one, e.g. empty_bed.")] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Leave out what was replayed.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
) -> None:
    """List dead letters, newest first."""
    wanted = {"limit": limit, "waiting": str(waiting).lower(), **({"reason": reason} if reason else {})}
    query = urlencode(wanted)
    page = call(url or server_url(settings_of(context)), "GET", f"/v1/dead-letters?{query}", key)
    table = Table("seq", "part", "received", "source", "from", "reason", "detail", "replayed", box=None)
    for one in page["items"]:
        row = (one["seq"], one["ordinal"], one["received_at"], one["source"], one["principal"], one["reason"])
        table.add_row(*(str(cell) for cell in row), one["detail"], "yes" if one.get("replayed_at") else "")
    out.print(table)


@app.command()
def show(
    context: typer.Context,
    seq: Seq,
    key: Key = "",
    url: Url = None,
    raw: Annotated[bool, typer.Option("--raw", help="Print the bytes as they came and nothing else.")] = False,
) -> None:
    """Show one frame's dead letters; with --raw its bytes (they may name a patient)."""
    letter = call(url or server_url(settings_of(context)), "GET", f"/v1/dead-letters/{seq}?raw={str(raw).lower()}", key)
    if raw:
        typer.echo(base64.b64decode(letter["payload_base64"]), nl=False)
    else:
        out.print_json(json.dumps(letter))


@app.command()
def replay(context: typer.Context, seq: Seq, key: Key = "", url: Url = None) -> None:
    """Send one dead-lettered frame through the route once more, e.g. after the admission arrived."""
    answer = call(url or server_url(settings_of(context)), "POST", f"/v1/dead-letters/{seq}/replay", key)
    err.print(f"Frame {seq} was journalled again as {answer['seq']}.")
