"""The centre's commands."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from api.accounts import second_factor
from api.accounts import service as accounts_service
from api.accounts.actors import the_house
from api.accounts.permissions import Permission, Role, permissions_of
from api.alarms.service import rotate_keys as rotate_box_keys
from api.backup import BackupError, back_up
from api.cameras.service import rotate_keys
from api.centre import Centre
from api.cli_errors import told_in_words
from api.clients.document import for_tokens
from api.deliveries.targets import rotate_keys as rotate_target_keys
from api.edges.service import create_code
from api.evidence import countersigning
from api.keys.service import rotate_keys as rotate_service_keys
from api.kit.database import Work
from api.kit.lock import hold_folder, must_have_begun
from api.kit.moving import move_rows
from api.kit.settings import Settings
from api.kit.times import now
from api.migrations import upgrade
from api.places.service import list_shops
from api.server import print_line, run
from api.tables import metadata

R = TypeVar("R")
Data = Annotated[Path | None, typer.Option("--data", envvar="SUNSHINE_DATA", help="Folder for all that is kept. 数据文件夹")]
Login = Annotated[str, typer.Argument(help="Name to sign in with. 登录名")]

accounts = typer.Typer(no_args_is_help=True, add_completion=False, help="Users of the centre. 账号")
keys = typer.Typer(no_args_is_help=True, add_completion=False, help="The keys that protect stored credentials.")


def serve(
    host: Annotated[str | None, typer.Option(envvar="SUNSHINE_HOST", help="Address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(envvar="SUNSHINE_PORT", min=0, max=65535, help="Port; 0 takes a free one.")] = None,
    data: Data = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(envvar="SUNSHINE_TLS_CERTIFICATE", help="PEM file with the chain; with it, HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(envvar="SUNSHINE_TLS_KEY", help="PEM file with its key.")] = None,
) -> None:
    """Run the centre: API and console. 启动中心"""
    with told_in_words():
        run(read_settings(data, host=host, port=port, tls_certificate=tls_certificate, tls_key=tls_key), print_line)


def openapi(
    tokens: Annotated[bool, typer.Option("--tokens", help="Only what other systems' access tokens open.")] = False,
) -> None:
    """Print the OpenAPI document of the centre."""
    from api.app import create_app  # takes seconds, which no other command needs

    document = create_app().openapi()
    typer.echo(json.dumps(for_tokens(document) if tokens else document, ensure_ascii=False, indent=2))


def enrol_code(
    shop: Annotated[str | None, typer.Option(help="Id of the edge's shop; not needed while there is only one.")] = None,
    data: Data = None,
) -> None:
    """Print a one-time code with which an edge joins the centre."""
    settings = read_settings(data)

    async def act(work: Work) -> str:
        house, shop_id = the_house(), shop
        if shop_id is None:
            shops = await list_shops(work, house)
            if len(shops) != 1:
                choice = "".join(f"\n  {row.id}  {row.name}" for row in shops)
                raise typer.BadParameter(f"Name the shop with --shop.{choice}" if shops else "Add a shop first.")
            shop_id = shops[0].id
        code, _ = await create_code(work, house, settings, shop_id)
        return code

    typer.echo(with_database(settings, act))


def backup(
    target: Annotated[Path, typer.Argument(help="Folder for copies that is there, best on another disk. 备份文件夹（须已存在）")],
    keep: Annotated[int, typer.Option(min=1, help="How many copies stay; older ones are removed.")] = 7,
    data: Data = None,
) -> None:
    """Copy all that the centre keeps, while it runs. 备份"""
    settings = read_settings(data)
    try:
        made = back_up(settings, target, keep, now(), typer.echo)
    except BackupError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    older = f", {made.removed} older copies removed" if made.removed else ""
    typer.echo(f"{made.folder}: {made.files} files, {made.new} of them new{older}")


def to_postgres(data: Data = None) -> None:
    """Move the database from SQLite into the empty PostgreSQL database of SUNSHINE_DATABASE_URL. Stop the centre first."""
    settings = read_settings(data)
    if settings.database_url is None or not settings.async_database_url.startswith("postgresql"):
        raise typer.BadParameter("Name an empty PostgreSQL database in SUNSHINE_DATABASE_URL.")
    source = settings.model_copy(update={"database_url": None})
    path = settings.data / "sunshine.db"
    if not path.is_file():
        raise typer.BadParameter(f"There is no {path}. Name the data folder that the centre uses: --data.")
    with told_in_words(), hold_folder(settings.data):
        for one in (source, settings):
            asyncio.run(_upgrade(one))
        count = move_rows(metadata, path, settings.async_database_url, typer.echo)
        # Or a start that forgets the setting would go on where the centre was before.
        moved = path.rename(path.with_name("sunshine.db.moved"))
    typer.echo(f"{count} rows are copied. Start the centre with the same SUNSHINE_DATABASE_URL. What was before is kept: {moved}")


async def _upgrade(settings: Settings) -> None:
    centre = Centre(settings)
    try:
        await upgrade(centre.database)
    finally:
        await centre.close()


@accounts.command("list")
def list_accounts(data: Data = None) -> None:
    """Show all accounts."""

    async def act(work: Work) -> list[str]:
        rows = await accounts_service.list_users(work, the_house())
        return [
            f"{row.login}\t{row.role.value}{'+admin' if row.is_admin else ''}\t{row.name}{'  (disabled)' if row.disabled else ''}"
            for row in rows
        ]

    for line in with_database(read_settings(data), act):
        typer.echo(line)


@accounts.command("add")
def add_account(
    login: Login,
    role: Annotated[Role, typer.Option(help="What the account may do.")],
    name: Annotated[str | None, typer.Option(help="Name that others see; without one, the login.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Also platform administrator.")] = False,
    district: Annotated[str | None, typer.Option(help="Id of the only district that it sees.")] = None,
    shop: Annotated[str | None, typer.Option(help="Id of the only shop that it sees; needed for the roles of a shop.")] = None,
    data: Data = None,
) -> None:
    """Add an account and print its password, once."""

    async def act(work: Work) -> str:
        password = await accounts_service.create_user(
            work, the_house(), login=login, name=name or login, role=role, is_admin=admin, district_id=district, shop_id=shop
        )
        return password.get_secret_value()

    typer.echo(f"{login}  {with_database(read_settings(data), act)}")


@accounts.command("reset")
def reset_account(login: Login = accounts_service.FIRST_LOGIN, data: Data = None) -> None:
    """Give an account a new random password and print it, once. 重设密码"""

    async def act(work: Work) -> str:
        return (await accounts_service.reset_password(work, the_house(), login)).get_secret_value()

    typer.echo(f"{login}  {with_database(read_settings(data), act)}")


@accounts.command("drop-second-factor")
def drop_second_factor(login: Login, data: Data = None) -> None:
    """Let an account sign in by password alone again: for a phone that was lost. 取消二次验证"""

    async def act(work: Work) -> None:
        await accounts_service.drop_second_factor(work, the_house(), login)

    with_database(read_settings(data), act)
    typer.echo(f"{login} signs in by password alone.")


@accounts.command("disable")
def disable_account(login: Login, data: Data = None) -> None:
    """Let nobody sign in to an account any more, at once. 停用账号"""
    _set_disabled(login, data, True)


@accounts.command("enable")
def enable_account(login: Login, data: Data = None) -> None:
    """Let a disabled account sign in again. 启用账号"""
    _set_disabled(login, data, False)


def _set_disabled(login: str, data: Path | None, disabled: bool) -> None:
    async def act(work: Work) -> bool:
        await accounts_service.set_disabled(work, the_house(), login, disabled)
        users = await accounts_service.list_users(work, the_house())
        return any(not one.disabled and Permission.ACCOUNTS_WRITE in permissions_of(one.role, one.is_admin) for one in users)

    has_administrator = with_database(read_settings(data), act)
    typer.echo(f"{login} is {'disabled' if disabled else 'enabled'}.")
    if not has_administrator:
        words = "No administrator can sign in now. Take one up again, or make one: `sunshine accounts enable`, `accounts add`."
        typer.echo(words, err=True)


@keys.callback()
def _keys() -> None:
    """A callback keeps `rotate` a command of its own although it is the only one."""


@keys.command("rotate")
def rotate(data: Data = None) -> None:
    """Encrypt all stored credentials with a new key. The centre must be stopped.

    Keys from the settings are not changed: put the new one first in SUNSHINE_KEYS, run this, then take the old one out.
    """
    settings = read_settings(data)
    with told_in_words():
        must_have_begun(settings)
        with hold_folder(settings.data):
            count = asyncio.run(_rotate(settings))
    typer.echo(f"{count} credentials are encrypted with the current key now.")


async def _rotate(settings: Settings) -> int:
    centre = Centre(settings)
    path = settings.data / "keys.json"
    try:
        await upgrade(centre.database)
        old = centre.keyring
        new = old if settings.keys is not None else old.with_new_key()
        if settings.keys is None:
            # First both keys on disk, then the rows, then the old key away: a cut at any moment loses nothing.
            new.save(path)
        async with centre.database.writing() as work:
            count = await countersigning.rotate_keys(work, old, new)
            for one_kind in (rotate_keys, rotate_target_keys, rotate_service_keys, rotate_box_keys, second_factor.rotate_keys):
                count += await one_kind(work, the_house(), old, new)
        if settings.keys is None:
            new.only_current().save(path)
        return count
    finally:
        await centre.close()


def read_settings(data: Path | None, **given: Any) -> Settings:
    values = {name: value for name, value in {"data": data, **given}.items() if value is not None}
    try:
        settings = Settings(**values)
    except ValidationError as error:
        # Without the values: one of them may be a password.
        wrong = "; ".join(
            ": ".join([*(f"SUNSHINE_{str(name).upper()}" for name in item["loc"][:1]), item["msg"]]) for item in error.errors()
        )
        raise typer.BadParameter(f"A setting cannot be used. {wrong}") from None
    return settings.model_copy(update={"data": settings.data.expanduser().absolute()})


def with_database(settings: Settings, act: Callable[[Work], Coroutine[Any, Any, R]]) -> R:
    """One transaction on the database, beside a centre that may be running."""

    async def with_centre() -> R:
        centre = Centre(settings)
        try:
            await upgrade(centre.database)
            async with centre.database.writing() as work:
                return await act(work)
        finally:
            await centre.close()

    with told_in_words():
        must_have_begun(settings)
        return asyncio.run(with_centre())
