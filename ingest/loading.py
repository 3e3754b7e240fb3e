"""The detector of a worker, once it has shown on this machine that it sees what the exact weights on the processor see."""

from contextlib import closing
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import islice

import numpy as np
import numpy.typing as npt
import structlog

from detector.card import ModelError
from detector.pipeline import Detector
from detector.providers import Kind, Provider, ProviderError
from detector.self_check import disagreement
from detector.session import chosen
from ingest.parts import Looker
from ingest.pipe import Setup
from ingest.source import file_source
from ingest.work_log import WorkLog

# Of the demo clip, for the check: two kitchens full of people, a third of a second of one core.
CHECKED_PICTURES = 2
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Loaded:
    """`is_exact`: the fast weights go wrong here; `no_provider`: the one that was asked for does, or is missing."""

    detector: Looker
    is_exact: bool = False
    no_provider: bool = False


def load_detector(setup: Setup) -> Loaded:
    """Raises ModelError."""
    kind = chosen(setup.provider)
    if kind == "cpu":
        return _on_processor(setup)
    try:
        return Loaded(_elsewhere(kind, setup))
    except ProviderError as error:
        log.warning(
            "provider_cannot_be_used", provider=kind, cause=str(error),
            words=f"The detector cannot compute with {kind} on this machine; the processor computes instead, as with "
            f"--provider cpu. 本机无法用 {kind} 推理，改由处理器计算（同 --provider cpu）。",
        )
    return replace(_on_processor(setup), no_provider=True)


def _elsewhere(kind: Kind, setup: Setup) -> Looker:
    """Raises ProviderError also where the provider sees something else than the processor."""
    detector = Detector.load(setup.weights, setup.threads, WorkLog().ran, provider=Provider(kind, setup.engines))
    exact = Detector.load(setup.weights, setup.threads, precision="fp32")
    difference = disagreement(exact, detector, demo_pictures(CHECKED_PICTURES))
    if difference is not None:
        raise ProviderError(f"It sees something else than the processor: {difference}.")
    log.info("provider_used", provider=kind)
    return detector


def _on_processor(setup: Setup) -> Loaded:
    on_run = WorkLog().ran
    usual = Detector.load(setup.weights, setup.threads, on_run)
    try:
        exact = Detector.load(setup.weights, setup.threads, on_run, "fp32")
    except ModelError:
        return Loaded(usual)  # there is but one variant
    if exact.models == usual.models:
        return Loaded(usual)
    difference = disagreement(exact, usual, demo_pictures(CHECKED_PICTURES))
    if difference is None:
        return Loaded(usual)
    log.warning(
        "fast_weights_go_wrong", difference=difference,
        words="The fast weights (int8) do not see what the exact ones do on this machine. The exact ones are used; they "
        "take about twice as long. 本机处理器上快速权重（int8）的结果与精确权重不一致，已改用精确权重，耗时约为两倍。",
    )
    return Loaded(exact, is_exact=True)


def demo_pictures(count: int) -> list[npt.NDArray[np.uint8]]:
    """The first key frames of the demo clip, BGR uint8 [720, 1280, 3]."""
    with closing(file_source(str(files("configs") / "demo" / "kitchen.mp4"), realtime=False).pictures()) as pictures:
        return [picture.frame().image for picture in islice(pictures, count)]
