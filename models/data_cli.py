"""``sunshine model collect`` and ``backs``: data folders from a centre's verdicts and from public clips."""

from pathlib import Path
from typing import Annotated

import typer

from models.places import SHARED, outside_the_checkout, say, told_in_words


def collect(
    centre: Annotated[str, typer.Argument(help="Address of the centre, as https://centre.example")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="Data folder to write, or to add to; outside the checkout.")],
    login: Annotated[str, typer.Option(prompt=True, help="An account that may see the cases' evidence.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="SUNSHINE_PASSWORD", help="Its password.")],
    keep_faces_because: Annotated[
        str | None,
        typer.Option(help="Why faces of others must stay recognisable, for the centre's audit. By default they are blurred."),
    ] = None,
) -> None:
    """Fetch reviewers' verdicts from a centre as a data folder that `train` and `eval` take beside the shipped data."""
    import httpx

    from models.collect import collect as fetch
    from models.collect import sign_in
    from models.durable import sole_user

    outside_the_checkout(out)
    wrong = told_in_words(httpx.InvalidURL, httpx.UnsupportedProtocol)
    with wrong, sole_user(out), httpx.Client(base_url=centre, timeout=30) as client:
        sign_in(client, login, password)
        added = fetch(client, out, keep_faces_because, say)
    print(f"{added} new verdicts are in {out}." if added else f"There are no verdicts that {out} does not hold yet.")


def backs(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Data folder to write, outside the checkout.")],
    clips: Annotated[Path, typer.Option(file_okay=False, help="Folder of the clips.")] = SHARED / "data" / "videos",
) -> None:
    """Cut frames whose heads a person has boxed, all from behind, out of public clips, for `eval`: a back tells no mask."""
    from models.frames import write_backs

    outside_the_checkout(out)
    with told_in_words():
        print(f"{write_backs(clips, out)} frames are in {out}.")
