"""The auditor's command: check the audit, offline on exports or on the database."""

import asyncio
from itertools import combinations
from pathlib import Path
from typing import Annotated

import typer

from api.accounts.actors import the_house
from api.audit.chain import Source, differences, problems_of, read_export
from api.audit.service import read_database
from api.centre import Centre
from api.cli import Data, read_settings
from api.cli_errors import told_in_words
from api.kit.lock import must_have_begun
from api.kit.settings import Settings
from api.migrations import upgrade
from contract.findings import Finding

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The record of who did what. 审计")


@app.callback()
def _audit() -> None:
    """A callback keeps `verify` a command of its own although it is the only one."""


@app.command()
def verify(
    exports: Annotated[list[Path] | None, typer.Argument(help="Exported files; without one, the database is checked.")] = None,
    database: Annotated[bool, typer.Option("--database", help="Check the database too, and the exports against it.")] = False,
    data: Data = None,
) -> None:
    """Say in words whether the audit is whole: nothing changed, nothing removed, no fork. 核验审计记录

    Exports that are kept elsewhere show what a look at the database alone cannot: that somebody wrote a whole chain anew.
    """
    sources, notes = [], []
    for path in exports or []:
        try:
            with path.open("rb") as file:
                sources.append(read_export(path.name, file))
        except OSError as error:
            typer.echo(
                f"无法读取 {path}。请给出从审计页面导出的文件。 {path} cannot be read ({error.strerror}). Name a file that was "
                "exported from the audit page.", err=True,
            )
            raise typer.Exit(2) from error
    if database or not sources:
        with told_in_words():
            must_have_begun(settings := read_settings(data))
            source, waiting = asyncio.run(_database(settings))
        sources.insert(0, source)
        if waiting:
            notes.append(
                f"还有 {waiting} 条尚未入链：中心运行时一秒内完成。 {waiting} entries are not chained yet: the centre does that "
                "within a second while it runs."
            )
    problems = []
    for source in sources:
        typer.echo(source.name)
        found = problems_of(source)
        chains = source.chains()
        for chain in chains:
            typer.echo(f"  {_line(source.span(chain))}")
        if not chains:
            typer.echo("  其中没有记录。 There is no entry in it.")
        for problem in found:
            typer.echo(f"  {_line(problem)}")
        if not found:
            typer.echo("  完整：没有记录被改动或删除，没有分叉。 Whole: no entry was changed or removed, and there is no fork.")
        problems += found
    for one, other in combinations(sources, 2):
        for problem in differences(one, other, is_whole=database and one is sources[0]):
            typer.echo(_line(problem))
            problems.append(problem)
    for note in notes:
        typer.echo(note)
    typer.echo("审计记录核验未通过。 The audit does not hold." if problems else "审计记录核验通过。 The audit holds.")
    raise typer.Exit(1 if problems else 0)


def _line(finding: Finding) -> str:
    return f"{finding.about}: {finding.zh} {finding.en}"


async def _database(settings: Settings) -> tuple[Source, int]:
    centre = Centre(settings)
    try:
        await upgrade(centre.database)
        async with centre.database.reading() as work:
            return await read_database(work, the_house(), str(settings.data), settings.centre_name)
    finally:
        await centre.close()
