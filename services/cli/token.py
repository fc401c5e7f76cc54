"""`acquaint token`: a bearer token for the local development stack, to try calls with other tools."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.output import AsJson, DataDir, fail, print_json
from services.devstack.state import default_data_dir, development_key, read_state
from services.platform.auth import development_token

app = typer.Typer()


@app.command()
def token(
    person: Annotated[str, typer.Option("--as", help="person_id; without: a client with every right.")] = "",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print a token, valid for a day: a person's own, or that of a client that may act for anybody."""
    directory = (data_dir or default_data_dir()).resolve()
    if read_state(directory) is None:
        fail(f"no stack runs in {directory}: start one with `acquaint up --detach`")
    key = development_key(directory)
    if person:
        made = development_token(key, person=person)
    else:
        made = development_token(key, acting_for="*", roles=["client", "operator"])
    if as_json:
        print_json({"token": made})
    else:
        typer.echo(made)
