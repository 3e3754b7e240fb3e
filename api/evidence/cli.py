"""Checking sealed evidence, offline."""

import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from contract.verify import Unreadable, read
from contract.verify import verify as check

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Sealed evidence. 证据")
# Unicode's general categories: control, format (direction of writing), surrogates, separators of lines and paragraphs.
CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@app.callback()
def _evidence() -> None:
    """A callback keeps `verify` a command of its own although it is the only one."""


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A package or an export: a folder, a ZIP, or the chain of a camera (JSON).")],
    key: Annotated[list[str] | None, typer.Option(help="A public key of an edge that you trust; repeatable.")] = None,
    centre_key: Annotated[
        list[str] | None, typer.Option(help="A public key of the centre, published at its /api/v1/evidence-keys; repeatable.")
    ] = None,
) -> None:
    """Say in words what of the evidence holds and what does not, without asking anybody. 离线核验证据"""
    try:
        findings = check(read(path), key or (), centre_key or ())
    except OSError as error:
        typer.echo(f"{path} cannot be read ({error.strerror}). Name a folder, a ZIP or a chain that was exported.", err=True)
        raise typer.Exit(2) from error
    except Unreadable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    about = None
    for finding in findings:
        if finding.about != about:
            about = finding.about
            typer.echo(_plain(about))
        typer.echo(_plain(f"  {'+' if finding.holds else '!'} {finding.en} {finding.zh}"))
    if not all(finding.holds for finding in findings):
        typer.echo("It does not hold. Do not rely on it; ask the centre for it again. 核验未通过，请勿采信。", err=True)
        raise typer.Exit(1)
    typer.echo("It holds. 核验通过。")


def _plain(line: str) -> str:
    """What names and statements hold is not to write lines of its own, nor to take any back."""
    return "".join(
        sign.encode("unicode_escape").decode() if unicodedata.category(sign) in CONTROLS else sign for sign in line
    )
