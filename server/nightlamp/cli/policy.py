"""`nightlamp policy`: what opens an alert, looked at and checked before anyone is woken by it."""

from pathlib import Path
from typing import Annotated

import typer

from nightlamp.policy.checking import TEXT_BYTES_MAX, PolicyRefused, check

from .policy_file import loaded, read, refuse
from .policy_simulation import simulate
from .remote import Key, Url, call, server_url
from .terminal import err, out, settings_of

app = typer.Typer(help="The alert policy: show the one in force, check a file, load it.", no_args_is_help=True)
app.command()(simulate)
File = Annotated[Path, typer.Argument(help="The policy, TOML.")]


@app.command("check")
def check_file(context: typer.Context, file: File) -> None:
    """Say whether a server of these settings would take a policy; ends with 1, and the line, where not."""
    text = read(file)
    try:
        checked = check(text, loaded(settings_of(context)))
    except PolicyRefused as refused:
        refuse(file, refused)
    out.print(f"{file}: a policy, SHA-256 {checked.sha256}", highlight=False, markup=False)
    for note in checked.notes:
        out.print(f"  {note}", highlight=False, markup=False)


@app.command()
def show(context: typer.Context, key: Key = "", url: Url = None) -> None:
    """Print the policy in force at the running server, as TOML."""
    policy = call(url or server_url(settings_of(context)), "GET", "/v1/policy", key)
    since = (
        "" if policy["at"] is None else f", in force since {policy['at']} (frame {policy['seq']}), by {policy['by']}"
    )
    err.print(f"{policy['source']}, SHA-256 {policy['sha256']}{since}", highlight=False, markup=False)
    for note in (policy["note"], *policy["notes"]):
        if note:
            err.print(f"  {note}", highlight=False, markup=False)
    typer.echo(policy["text"], nl=False)


@app.command()
def load(
    context: typer.Context,
    file: File,
    key: Key = "",
    url: Url = None,
    note: Annotated[str, typer.Option(help="Why; kept with the change.")] = "",
    replaces: Annotated[str, typer.Option(help="Only if the policy in force has this SHA-256.")] = "",
) -> None:
    """Put a policy in force at the running server, without a restart; needs an administrator's key."""
    text = read(file)
    if len(text.encode()) > TEXT_BYTES_MAX:
        refuse(file, PolicyRefused(0, f"a policy has at most {TEXT_BYTES_MAX} bytes", ""))
    given = {"text": text, "note": note}
    headers = {"If-Match": f'"{replaces}"'} if replaces else {}
    taken = call(url or server_url(settings_of(context)), "PUT", "/v1/policy", key, given, headers)
    err.print(f"In force from frame {taken['seq']} on, SHA-256 {taken['sha256']}.", highlight=False)
    for said in taken["notes"]:
        err.print(f"  {said}", highlight=False, markup=False)
