"""How many pictures workers that share a machine look at together, with each execution provider."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import onnxruntime as ort

from detector.pipeline import Detector
from detector.providers import NAMES, Kind, Provider, ProviderError
from ingest.loading import demo_pictures

PICTURES = 4
"""of the demo clip; as many as go through stage 1 together on a graphics card"""
LOOKS_S = 5.0
"""of each measurement"""
KEY_FRAMES_S = 2.0
"""between a camera's looks: at 25 pictures a second a key frame every 50"""


class Look(NamedTuple):
    """What one worker did: pictures, seconds on the clock, and seconds of cores."""

    pictures: int
    wall_s: float
    cpu_s: float


def measure(weights: Path, engines: Path, workers: Sequence[int], seconds: float, say: Callable[[str], None]) -> Iterator[str]:
    """Lines of a table; the ratio is to the processor with the same number of workers, in pictures a second."""
    there = ort.get_available_providers()
    kinds: list[Kind] = [kind for kind, name in NAMES.items() if name in there]
    for number in workers:
        baseline = 0.0
        for kind in kinds:
            say(f"{number} workers, {kind} ...")
            try:
                looks = _together(number, weights, Provider(kind, engines), seconds)
            except ProviderError as error:
                say(str(error))
                continue
            rate = sum(look.pictures / look.wall_s for look in looks)
            baseline = baseline or rate
            cpu_ms = 1000 * sum(look.cpu_s for look in looks) / sum(look.pictures for look in looks)
            yield (
                f"{number:3} workers {kind:9} {rate:8.1f} pictures a second, {rate * KEY_FRAMES_S:6.0f} cameras looked at every "
                f"{KEY_FRAMES_S:.0f} s, {cpu_ms:6.1f} ms of cores a picture, ratio {rate / baseline:.2f}"
            )


def _together(number: int, weights: Path, provider: Provider, seconds: float) -> list[Look]:
    """Raises ProviderError."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(number, context) as pool:
        ready = manager.Barrier(number)
        futures = [pool.submit(_look, weights, provider, seconds, ready) for _ in range(number)]
        for future in futures:
            if isinstance(cause := future.exception(), ProviderError):  # the others only miss it at the barrier
                raise cause
        return [future.result() for future in futures]


def _look(weights: Path, provider: Provider, seconds: float, ready: threading.Barrier) -> Look:
    """Look for so long, once all workers can."""
    try:
        detector = Detector.load(weights, provider=provider)
        images = demo_pictures(PICTURES)
        batches = [images] if provider.in_batches else [[image] for image in images]
        for batch in batches:
            detector.look(batch)  # the first run of a shape finds memory and algorithms
    except BaseException:
        ready.abort()
        raise
    ready.wait()
    pictures, began_s, cpu_s = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began_s < seconds:
        batch = batches[pictures // len(batches[0]) % len(batches)]
        detector.look(batch)
        pictures += len(batch)
    return Look(pictures, time.perf_counter() - began_s, time.process_time() - cpu_s)
