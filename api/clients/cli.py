"""Managing other systems' programs from the centre's own machine."""

from typing import Annotated

import typer

from api.accounts.actors import the_house
from api.cli import Data, read_settings, with_database
from api.clients import service
from api.clients.schemas import ClientIn
from api.clients.scopes import Scope
from api.clients.tables import ApiClient
from api.kit.database import Work
from api.kit.names import is_name
from api.kit.times import now

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Programs of other systems. 其他系统的程序")
Id = Annotated[str, typer.Argument(help="The client_id.")]


@app.command("list")
def list_clients(data: Data = None) -> None:
    """Show all programs, and what each may do."""

    async def act(work: Work) -> list[ApiClient]:
        return await service.list_clients(work, the_house())

    for row in with_database(read_settings(data), act):
        typer.echo(f"{row.id}\t{row.name}\t{' '.join(row.scopes)}{'  (revoked)' if row.revoked_at else ''}")


@app.command("add")
def add_client(
    name: Annotated[str, typer.Argument(help="Name that people read who are asked to agree.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; give it more than once.")],
    district: Annotated[list[str] | None, typer.Option(help="Id of a district that it sees, with its stations.")] = None,
    shop: Annotated[list[str] | None, typer.Option(help="Id of a shop that it sees.")] = None,
    redirect_uri: Annotated[list[str] | None, typer.Option(help="Where people come back to who agreed.")] = None,
    authority: Annotated[bool, typer.Option("--authority", help="Of the authority: sees findings before their notice.")] = False,
    data: Data = None,
) -> None:
    """Add a program and print its client_id and client_secret, once."""

    async def act(work: Work) -> tuple[ApiClient, str]:
        return await service.create_client(work, the_house(), new, now())

    settings = read_settings(data)
    if not is_name(name):
        raise typer.BadParameter("A name has 1 to 100 characters, on one line.")
    new = ClientIn(
        name=name, scopes=scope, district_ids=district or [], shop_ids=shop or [], redirect_uris=redirect_uri or [],
        is_authority=authority,
    )
    client, secret = with_database(settings, act)
    typer.echo(f"client_id      {client.id}\nclient_secret  {secret}")


@app.command("rotate")
def rotate_secret(client_id: Id, data: Data = None) -> None:
    """Print a new secret, once. The one before works for 24 hours more."""

    async def act(work: Work) -> str:
        return (await service.rotate_secret(work, the_house(), client_id, now()))[1]

    typer.echo(f"client_secret  {with_database(read_settings(data), act)}")


@app.command("revoke")
def revoke_client(client_id: Id, data: Data = None) -> None:
    """Let a program ask nothing any more, at once."""

    async def act(work: Work) -> str:
        return (await service.revoke_client(work, the_house(), client_id, now())).name

    typer.echo(f"{with_database(read_settings(data), act)} is revoked.")
