"""``sunshine model eval`` and ``explain``: what weights are worth, in figures and at one picture."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.places import CHECKOUT, MEASURED, SHARED, WEIGHTS, outside_the_checkout, say, told_in_words

if TYPE_CHECKING:
    from models.data import Picture


def evaluate(
    data: Annotated[
        list[Path] | None,
        typer.Argument(help="Data folders, folders that hold several, and clips with their truth or folders of them."),
    ] = None,
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards to measure.")] = WEIGHTS,
    part: Annotated[str, typer.Option(help="train, val, test, or all")] = "test",
    only: Annotated[list[str] | None, typer.Option(help="Only these sources (repeat).")] = None,
    precision: Annotated[
        Literal["fp32", "int8"] | None, typer.Option(help="Which variant of both stages; by default what each card says.")
    ] = None,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for figures.json and the pictures, outside the checkout.")
    ] = MEASURED,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two folders of weights, the old and the new one: may the new one take its place?"),
    ] = None,
    record: Annotated[bool, typer.Option(help="Write the figures into the weights' cards, under --name.")] = False,
    name: Annotated[str | None, typer.Option(help="What the cards call these pictures; not needed for the test list.")] = None,
) -> None:
    """Measure the weights end to end: whole pictures, by default those never trained on, and clips whose truth is known."""
    from detector.card import load_model
    from detector.pipeline import Detector
    from models import compare as comparison
    from models import events, publish, report
    from models.data import choose
    from models.evaluate import bins, figures, look
    from models.split import PARTS, split

    if part not in (*PARTS, "all"):
        raise SystemExit(f"There is no part {part!r}. Choose train, val, test or all.")
    outside_the_checkout(out, "--out")
    if record and compare:
        raise SystemExit("A comparison writes no figures. Record those of the new weights alone: --weights FOLDER --record")
    if record and name is None and (data or only or part != "test"):
        raise SystemExit("These pictures are not the test list. Say with --name what the cards shall call them.")
    given = data or [SHARED / "data", CHECKOUT / "configs" / "demo", CHECKOUT / "tests" / "simulator"]
    with told_in_words():
        pictures, clips = _pictures_and_clips(given)
        parts = split(pictures)
        chosen = [p for p in choose(pictures, only or ()) if part in ("all", parts[p.key])]
        if not chosen and not clips:
            raise SystemExit(f"None of these pictures is in the part {part!r}. Choose another with --part.")
        if compare is not None or part == "test":
            chosen = _not_learned_from(chosen, compare or [weights])
        if not chosen and not clips:
            raise SystemExit("No picture is left to measure on. Collect newer verdicts, or train --without a source.")
        if compare is not None:
            old, new = (look(chosen, folder, say, precision) for folder in compare)
            told = [events.watch_all(clips, Detector.load(folder, precision=precision), say) for folder in compare]
            differences = comparison.compare(old, new, (told[0], told[1]))
            print(*filter(None, [comparison.table(differences), comparison.verdict(differences)]), sep="\n\n")
            if silent := comparison.undecided(new, told[1], differences):
                print(f"Too few labels, scenes or days to say anything of: {', '.join(silent)}.")
            return
        cards = [load_model(weights, stage, precision)[0] for stage in ("finder", "attributes")]
        precisions = {card.precision for card in cards}
        if record and len(precisions) > 1:
            raise SystemExit("The stages are used in two precisions, and a card says one. Say which with --precision.")
        evaluation = look(chosen, weights, say, precision) if chosen else None
        if record and name is None and (lost := _lost_of_the_test_list(evaluation.pictures if evaluation else ())):
            raise SystemExit(f"{lost} pictures of the test list are missing, torn or learned from: nothing is recorded.")
        of_pictures = figures(evaluation) if evaluation else []
        detector = Detector.load(weights, precision=precision)
        of_clips = events.figures(events.watch_all(clips, detector, say)) if clips else []
        learned = {source.source for card in cards for source in card.data}
        print(report.table([*of_pictures, *of_clips], unseen=frozenset(p.source for p in chosen) - learned))
        chosen_options = _options(part, only or [], precisions.pop() if len(precisions) == 1 else None)
        command = shlex.join(["sunshine", "model", "eval", *map(str, data or ()), *chosen_options])
        out.mkdir(parents=True, exist_ok=True)
        about = {"command": command, "weights": {model.name: model.sha256 for model in detector.models}}
        (out / "figures.json").write_text(report.as_json([*of_pictures, *of_clips], evaluation, about), encoding="utf-8")
        drawn = report.draw(evaluation, out) if evaluation else []
        print(f"{out / 'figures.json'}, {', '.join(path.name for path in drawn) or 'no pictures'}")
        if record and detector.models != [load_model(weights, card.name, precision)[0].version for card in cards]:
            raise SystemExit(f"The weights in {weights} were replaced while they were measured: nothing is recorded.")
        if record and evaluation:
            publish.record(weights, name or publish.TEST_LIST, command, of_pictures, precision, bins(evaluation))
        if record and of_clips:
            on = f"clips: {name or ', '.join(clip.name for clip in clips)}"
            publish.record(weights, on, command, of_clips, precision)


def explain(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A picture or a video.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The drawing to write, as .webp, .png or .jpg.")],
    at: Annotated[float, typer.Option(min=0.0, help="Which moment of a video, in seconds.")] = 0.0,
    weights: Annotated[Path, typer.Option(help="Folder with the weights and cards.")] = WEIGHTS,
) -> None:
    """Draw what stage 1 found in a picture, each crop that stage 2 read, and what it said of it."""
    from detector.pipeline import Detector
    from models.durable import write_picture
    from models.explain import explain as drawing
    from models.explain import frame_at

    if out.suffix not in (".webp", ".png", ".jpg"):
        raise SystemExit(f"{out} must end in .webp, .png or .jpg.")
    with told_in_words():
        image = frame_at(file, at)
        (seen,) = Detector.load(weights).look([image])
        out.parent.mkdir(parents=True, exist_ok=True)
        write_picture(out, drawing(image, seen), quality=85)
    print(f"{out} is written.")


def _options(part: str, only: list[str], precision: str | None) -> list[str]:
    """What decides about the figures; the precision too, because its default may change, but where each stage has its own."""
    options = ["--part", part] if part != "test" else []
    options += [word for source in only for word in ("--only", source)]
    return [*options, *(["--precision", precision] if precision else [])]


def _pictures_and_clips(given: list[Path]) -> "tuple[list[Picture], list[Path]]":
    """What lies at the paths; raises DataError where there is neither."""
    from models.data import holds_pictures, read_all
    from models.events import clips

    videos = {path: clips(path) for path in given}
    pictures = read_all(path for path in given if holds_pictures(path) or not videos[path])
    return pictures, [clip for found in videos.values() for clip in found]


def _lost_of_the_test_list(pictures: "Sequence[Picture]") -> int:
    from models.split import listed_for

    return len(listed_for("test") - {picture.key for picture in pictures})


def _not_learned_from(pictures: "list[Picture]", weights: Sequence[Path]) -> "list[Picture]":
    """What says something about how the weights do elsewhere; the others are counted aloud."""
    from models.split import learned

    seen = set().union(*(learned(folder) for folder in weights))
    kept = [picture for picture in pictures if picture.key not in seen]
    if len(kept) < len(pictures):
        say(f"{len(pictures) - len(kept)} pictures are left out: the weights have learned from them.")
    return kept
