"""`sunshine detect`: look at pictures, folders and videos, and say what they show."""

import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from contract.catalogue import Catalogue, load_catalogue
from detector.draw import draw
from detector.observation import Observation
from detector.pipeline import Detector
from detector.rules import RuleEngine
from detector.tracks import Tracker
from detector.violation import Violation
from ingest.decoding import Decoding
from ingest.errors import SourceError
from ingest.pictures import VIDEOS, PictureError, find_files, read_picture
from ingest.place import assumed_place
from ingest.source import file_source

# A file has no wall clock; rules need one for hours and repeat intervals, and any will do.
EPOCH = datetime(2000, 1, 1, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One picture or one analysed frame; `time_s` is None for a picture."""

    image: NDArray[np.uint8]
    time_s: float | None
    observation: Observation
    violations: list[Violation]


def look_at(path: Path, detector: Detector, catalogue: Catalogue, interval_s: float) -> Iterator[Looked]:
    """Look at one file. Raises PictureError or SourceError, for a video also after some frames."""
    if path.suffix.lower() not in VIDEOS or path.is_dir():
        image = read_picture(path)
        yield Looked(image, None, detector.look([image])[0], [])
        return
    tracker = Tracker()
    rules = RuleEngine(assumed_place(str(path)), catalogue)
    source = file_source(path, realtime=False, decoding=Decoding(keyframes_only=False, interval_s=interval_s))
    for picture in source.pictures():
        frame = picture.frame()
        seen = tracker.update(detector.look([frame.image])[0], frame.camera_time_s)
        violations = rules.update(seen, frame.camera_time_s, EPOCH + timedelta(seconds=frame.camera_time_s))
        for violation in violations:
            rules.committed(violation)
        yield Looked(frame.image, frame.camera_time_s, seen, violations)


def detect(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, or folders (recursively, in name order).")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each picture or analysed frame.")] = False,
    draw_into: Annotated[Path | None, typer.Option("--draw", help="Write annotated pictures into this folder.")] = None,
    interval_s: Annotated[float, typer.Option("--interval", min=0.0, help="Seconds between looks; 0: every frame.")] = 1.0,
    weights: Annotated[Path | None, typer.Option(help="Folder of other weights with their cards.")] = None,
    rules: Annotated[Path | None, typer.Option(help="Another rule catalogue (YAML).")] = None,
) -> None:
    """Look at pictures, folders and videos, and say what they show.

    Videos are judged as if the camera hung in a 专间 with gloves required. The exit status is 1 if a file could not be read.
    """
    notes = Console(stderr=True)
    if not math.isfinite(interval_s):
        raise typer.BadParameter("The time between two looks must be a number of seconds.", param_hint="--interval")
    try:
        detector, catalogue = Detector.load(weights), load_catalogue(rules)
    except ValueError as error:  # ModelError and CatalogueError say what to do
        notes.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if draw_into is not None:
        try:
            draw_into.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise typer.BadParameter(f"The folder {draw_into} cannot be made: {error.strerror}. Name another.") from error
    cv2.utils.logging.setLogLevel(0)  # what is wrong with a file is told in its own line
    files = list(find_files(paths))
    if not files:
        notes.print("There are no pictures or videos there.")
    failed = False
    with Progress(console=notes, transient=True, disable=not notes.is_terminal) as progress:
        task = progress.add_task("", total=len(files))
        for path in files:
            progress.update(task, description=path.name)
            try:
                for looked in look_at(path, detector, catalogue, interval_s):
                    print(_json_line(path, looked) if as_json else _words(path, looked), flush=True)
                    if draw_into is not None:
                        _write_drawing(draw_into, path, looked)
            except (PictureError, SourceError, OSError) as error:
                failed = True
                line = {"source": str(path), "error": str(error)}
                print(_dumped(line) if as_json else f"{path}: {error}", flush=True)
            progress.advance(task)
    if failed:
        raise typer.Exit(1)


def _json_line(path: Path, looked: Looked) -> str:
    violations = [{"rule": v.rule.code, "track": v.track, "since_s": round(v.since_s, 3)} for v in looked.violations]
    time_s = None if looked.time_s is None else round(looked.time_s, 3)
    line = {"source": str(path), "time_s": time_s} | looked.observation.as_json() | {"violations": violations}
    return _dumped(line)


def _dumped(line: Mapping[str, object]) -> str:
    """As people read it; escaped as JSON wants it where the terminal or the pipe knows no Chinese."""
    text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return json.dumps(line)
    return text


def _words(path: Path, looked: Looked) -> str:
    counts: Counter[str] = Counter()
    for person in looked.observation.people:
        counts["people"] += person.box is not None
        for name in ("cap", "mask", "smoking"):
            read = person.attribute(name)
            if read is not None:
                counts[f"{name} {read.state}"] += 1
        for hand in person.hands:
            counts[f"glove {hand.glove.state}"] += 1
    when = "" if looked.time_s is None else f" {looked.time_s:7.2f} s"
    seen = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nobody"
    told = "".join(f"  >> {v.rule.code} {v.rule.name.zh} {v.rule.name.en}, person {v.track}" for v in looked.violations)
    return f"{path}{when}: {seen}{told}"


def _write_drawing(folder: Path, path: Path, looked: Looked) -> None:
    """Named after the source, and for a frame after its time; equal names are kept apart by folder and kind of file."""
    name = "_".join(part for part in path.parts if part not in (path.anchor, "..", "."))
    if looked.time_s is not None:
        name += f"_{looked.time_s:09.3f}s"
    if not name.endswith(".jpg"):
        name += ".jpg"
    encoded, content = cv2.imencode(".jpg", draw(looked.image, looked.observation, looked.violations))
    if not encoded:
        raise PictureError("The annotated picture could not be encoded.")
    (folder / name).write_bytes(content.tobytes())
