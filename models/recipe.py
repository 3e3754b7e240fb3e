"""The whole recipe: data folders in, two ONNX files and their cards out, in a given time. Training environment."""

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from detector.card import Training
from models import attributes, finder
from models.attribute_crops import Patch, patches
from models.cap_cutouts import brought_along, cutouts
from models.checked import no_cigarette, with_checked_boxes
from models.data import HANDS, SIMULATOR, DataError, Key, Picture, fingerprint, read_all
from models.export import export_attributes, export_finder
from models.exported import read_attributes
from models.pseudo import Targets, targets
from models.publish import STATES, THINGS, attributes_card, complete, finder_card, sha256, sources, starts, write_card
from models.split import PARTS, learned, split, write_learned, write_split
from models.teachers import COCO, Opinion, opinions

FULLY_LABELLED = (SIMULATOR,)
"""sources that need no teacher"""
Stage = Literal["finder", "attributes"]
FINDER_SHARE, ATTRIBUTES_SHARE = 0.45, 0.22
"""of the budget, where both stages are trained; the rest is the teachers', the crops' and the export's"""
TEACHERS_SHARE = 0.25
"""at most; pictures that are left over then train with their own labels alone"""
EXPORT_S = 60.0
SIMULATED_SHARE = 0.3
"""of the finder's canvases: the kitchen camera's view exists nowhere else, real people and hands only elsewhere"""
HANDS_WEIGHT = 2.0
"""of a real picture whose hands are labelled: three in ten, and teachers find a third of the hands elsewhere"""
# The least score that is reported, and the least probability with which a state is told. On the validation part hands from
# 0.3 on have recall 0.79 and precision 0.88, cigarettes from 0.12 on 0.84 and 0.82 (a head is told to smoke from 0.65 on); lower
# scores for heads find more violations: what is no head reads "unknown" in stage 2.
SCORES = {"person": 0.35, "head": 0.25, "hand": 0.3, **dict.fromkeys(THINGS, 0.25), "cigarette": 0.12}
SURE = dict.fromkeys(STATES, 0.65)


@dataclass(frozen=True)
class Plan:
    """What to train from, where to, and for how long."""

    data: Sequence[Path]
    weights: Path
    """starts and teachers"""
    work: Path
    """caches and checkpoints, outside the checkout"""
    out: Path
    budget_s: float
    spent_s: float
    """of the budget, before this began"""
    command: str
    machine: str
    stages: frozenset[Stage] = frozenset(("finder", "attributes"))
    onward: Path | None = None
    """the .onnx of a finder to go on from, instead of COCO's weights"""
    earlier: Path | None = None
    """the .onnx of an earlier stage 2, to average with"""
    keep: Callable[[Sequence[Picture]], list[Picture]] = list
    """which sources and licences take part"""
    seed: int = 0


def run(plan: Plan, say: Callable[[str], None] = print) -> None:
    """Train the plan's stages and write ``finder`` and ``attributes`` (.onnx, .yaml) into ``plan.out``."""
    began = time.monotonic() - plan.spent_s
    earlier = read_attributes(plan.earlier) if plan.earlier else None  # first of all, so that a wrong file costs no time
    plan.work.mkdir(parents=True, exist_ok=True)
    pictures = read_all(plan.data)
    parts = split(pictures)  # of all, so that what is left out changes nobody's part
    pictures = plan.keep(pictures)
    # To learn from, not to calibrate with: nearly all are bare, which says nothing about how many hands are.
    pictures = [with_checked_boxes(p) if parts[p.key] == "train" else p for p in pictures]
    real = [p for p in pictures if p.source not in FULLY_LABELLED]
    write_split(parts, plan.work / "split.csv")
    taught = [p for p in pictures if parts[p.key] != "test"]
    train = [p for p in taught if parts[p.key] == "train"]
    if not train:
        raise DataError("There is no picture to learn from. Name other data folders, or take fewer sources out.")
    say(f"{len(pictures)} pictures, {len(taught)} of them to learn from")
    seen = opinions(
        [p for p in real if parts[p.key] != "test"],
        plan.weights,
        plan.work / "opinions.jsonl",
        processes=2,
        until=began + TEACHERS_SHARE * plan.budget_s,
        say=say,
    )
    free = no_cigarette()
    labels = {p.key: targets(p, seen.get(p.key), p.key in free) for p in taught}

    plan.out.mkdir(parents=True, exist_ok=True)
    start = plan.weights / COCO
    # With the validation part, on which temperatures and biases are set.
    learned_now = _learned_before(plan) | {p.key for p in taught}
    # Read now: the weights that are taken in may be those that are replaced.
    grown_from = {"finder": plan.onward, "attributes": plan.earlier}
    origin = {stage: (sources(taught, before), starts(before)) for stage, before in grown_from.items()}
    checkpoints = {stage: plan.work / f"{stage}-{_identity(plan, train)}.pt" for stage in plan.stages}

    def left() -> float:
        return plan.budget_s - EXPORT_S - (time.monotonic() - began)

    def trained() -> Training:
        minutes = (time.monotonic() - began) / 60
        return Training(command=plan.command, machine=plan.machine, duration=f"{minutes:.0f} min")

    if "finder" in plan.stages:
        most = plan.budget_s
        if "attributes" in plan.stages:
            most = min(FINDER_SHARE * plan.budget_s, left() - ATTRIBUTES_SHARE * plan.budget_s)
        most = _time_for(checkpoints["finder"], min(most, left()))
        network = finder.train(examples(train, labels), plan.onward or start, checkpoints["finder"], most, plan.seed, say)
        write_learned(plan.out, learned_now)
        export_finder(network, plan.out / "finder.onnx", plan.out / "finder.parity.npz")
        write_card(finder_card(plan.out / "finder.onnx", SCORES, trained(), *origin["finder"]), plan.out / "finder.yaml")

    if "attributes" in plan.stages:
        crops: dict[str, list[Patch]] = {part: [] for part in PARTS}
        keys = [picture.key for picture in taught]
        told = ([labels[key] for key in keys], [seen.get(key) for key in keys], [key in free for key in keys])
        seeds = np.random.SeedSequence(plan.seed).spawn(len(taught))
        with ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("fork")) as pool:
            for picture, cut in zip(taught, pool.map(_cut, taught, *told, seeds, chunksize=16), strict=True):
                if isinstance(cut, DataError):
                    say(str(cut))
                else:
                    crops[parts[picture.key]] += cut
        if not crops["train"]:
            raise DataError("No head, hand or face is labelled in the pictures to learn from: stage 2 needs some.")
        caps = brought_along(plan.data, train)
        caps += cutouts(p for p in train if p.source not in FULLY_LABELLED)  # the simulator knows its caps' pixels
        say(f"{len(crops['train'])} crops to learn attributes from, {len(caps)} caps to put on bare heads")
        most = _time_for(checkpoints["attributes"], left())
        reader = attributes.train(
            crops["train"], crops["val"], caps, start, checkpoints["attributes"], most, plan.seed, say, earlier
        )
        write_learned(plan.out, learned_now)
        export_attributes(reader, plan.out / "attributes.onnx", plan.out / "attributes.parity.npz")
        card = attributes_card(plan.out / "attributes.onnx", SURE, trained(), *origin["attributes"])
        write_card(card, plan.out / "attributes.yaml")
    complete(plan.out)
    for checkpoint in checkpoints.values():  # or the next training would find itself at its end
        checkpoint.unlink(missing_ok=True)
    spent = (time.monotonic() - began) / 60
    say(f"weights and cards are in {plan.out} after {spent:.0f} min; measure them with `sunshine model eval`")


def _time_for(checkpoint: Path, left_s: float) -> float:
    """The time for a stage, unless there is none and nothing to export either."""
    if left_s <= 0 and not checkpoint.is_file():
        raise DataError("The budget left no time to train. Run it again: what the teachers said is kept; or give more.")
    return left_s


def _identity(plan: Plan, train: Sequence[Picture]) -> str:
    """What a killed run must be the same in to be gone on with: what it learns from, its seed, where it started."""
    start = sha256(plan.onward) if plan.onward else "COCO"
    return hashlib.sha256(f"{fingerprint(train)} {plan.seed} {start}".encode()).hexdigest()[:12]


def _learned_before(plan: Plan) -> set[Key]:
    """What the stage that stays as it is has learned from, and earlier weights that this one takes in."""
    taken_in = [path.parent for path in (plan.onward, plan.earlier) if path]
    found = set().union(*map(learned, taken_in))
    return found | (learned(plan.out) if len(plan.stages) == 1 else set())


def _cut(
    picture: Picture, label: Targets, opinion: Opinion | None, no_cigarette: bool, seed: np.random.SeedSequence
) -> list[Patch] | DataError:
    """The patches of a picture, or why it cannot be read."""
    try:
        return patches(picture, label, opinion, no_cigarette, seed)
    except DataError as error:
        return error


def examples(pictures: Sequence[Picture], labels: dict[Key, Targets]) -> list[finder.Example]:
    """Weigh the pictures: simulated ones get their share, and of the real ones those with labelled hands count more."""
    simulated = sum(p.source == SIMULATOR for p in pictures)
    real = sum(_worth(p) for p in pictures if p.source != SIMULATOR)
    share = SIMULATED_SHARE if simulated and real else 0.5
    found = []
    for picture in pictures:
        label = labels[picture.key]
        sides = (label.boxes[:, 2:] - label.boxes[:, :2]).max(1) if len(label.boxes) else np.zeros(1)
        scene = picture.source == SIMULATOR or bool(np.median(sides) < 0.12 * max(picture.size))
        weight = share / simulated if picture.source == SIMULATOR else (1 - share) / real * _worth(picture)
        found.append(finder.Example(picture, label, weight, scene))
    return found


def _worth(picture: Picture) -> float:
    return HANDS_WEIGHT if set(HANDS) <= picture.annotated else 1.0


def prepare_threads() -> None:
    """Let torch use every core that this process may use, and OpenCV one: a process forked beside its threads would hang."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    cv2.setNumThreads(1)
