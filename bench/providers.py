"""What the nets cost with each execution provider that the installed onnxruntime has, in turns with the processor."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime as ort

from detector.card import Precision, load_model
from detector.providers import NAMES, Provider, ProviderError, Shapes
from detector.session import Session

# Of a camera's usual shape; what one person, or a kitchen, gives to stage 2.
PICTURES = Shapes((1, 384, 640, 3), (1, 384, 640, 3), (4, 384, 640, 3))
CROPS = Shapes((1, 96, 96, 3), (8, 96, 96, 3), (8, 96, 96, 3))
INPUTS = {
    "stage 1, 1 picture": ("finder", PICTURES.usual), "stage 1, 4 pictures": ("finder", PICTURES.largest),
    "stage 2, 1 crop": ("attributes", CROPS.smallest), "stage 2, 8 crops": ("attributes", CROPS.usual),
}
CALLS = 10


@dataclass
class Way:
    """One provider with weights of one precision; milliseconds of each call, by input: of all cores, and on the clock."""

    name: str
    sessions: dict[str, Session]
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    wall_ms: dict[str, list[float]] = field(default_factory=dict)


def measure(weights: Path, engines: Path, rounds: int, say: Callable[[str], None]) -> list[str]:
    """Lines of a table; the ratio is to the first way, the processor's, in time of a core."""
    ways = list(_ways(weights, engines, say))
    chance = np.random.default_rng(1)
    inputs = {name: (model, chance.integers(0, 256, shape, np.uint8)) for name, (model, shape) in INPUTS.items()}
    for model, batch in inputs.values():
        for way in ways:
            way.sessions[model].run(batch)  # the first run of a shape finds memory and algorithms
    for number in range(rounds):
        say(f"round {number + 1} of {rounds} ...")
        for name, (model, batch) in inputs.items():
            for way in ways:
                for _ in range(CALLS):
                    cpu_s, wall_s = time.process_time(), time.perf_counter()
                    way.sessions[model].run(batch)
                    way.cpu_ms.setdefault(name, []).append(1000 * (time.process_time() - cpu_s))
                    way.wall_ms.setdefault(name, []).append(1000 * (time.perf_counter() - wall_s))
    return [_line(name, way, ways[0]) for name in inputs for way in ways]


def _ways(weights: Path, engines: Path, say: Callable[[str], None]) -> Iterator[Way]:
    there = ort.get_available_providers()
    for kind, name in NAMES.items():
        precisions: tuple[Precision, ...] = ("int8", "fp32") if kind == "cpu" else ("fp32",)
        for precision in precisions if name in there else ():
            try:
                sessions = {
                    model: Session(*load_model(weights, model, precision), provider=Provider(kind, engines), shapes=shapes)
                    for model, shapes in (("finder", PICTURES), ("attributes", CROPS))
                }
            except ProviderError as error:
                say(str(error))
            else:
                yield Way(f"{kind} {precision}", sessions)


def _line(name: str, way: Way, baseline: Way) -> str:
    cpu_ms, wall_ms = statistics.median(way.cpu_ms[name]), statistics.median(way.wall_ms[name])
    ratio = cpu_ms / statistics.median(baseline.cpu_ms[name])
    return f"{name:20} {way.name:15} {cpu_ms:8.2f} ms of a core, {wall_ms:8.2f} ms on the clock, ratio {ratio:.2f}"
