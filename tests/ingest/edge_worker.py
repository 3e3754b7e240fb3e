"""A worker of the product with scripted eyes: everything but detector and rules is the product's.

    python -m tests.ingest.edge_worker [--quiet] [--crash WHERE CAMERA] [--patience SECONDS] DESCRIPTOR
"""

import argparse
import ctypes
import os
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.cameras import CameraConfig
from contract.catalogue import Catalogue
from contract.evidence import AttributeVotes, ModelVersion
from detector.boxes import Box
from detector.observation import Attribute, AttributeName, Head, Observation, Person
from detector.providers import ProviderError
from detector.violation import Repeat, Violation
from ingest import keeping, watched, worker
from ingest.frames import Picture
from ingest.loading import Loaded
from ingest.pipe import Setup
from ingest.reader import CameraReader
from ingest.work_log import WorkLog

MODELS = [ModelVersion(name="script", sha256="0" * 64)]
SPOTS_A_SECOND = 2


class ScriptedDetector:
    models = MODELS

    def __init__(self, *, fails: bool = False) -> None:
        self._fails = fails

    def look(
        self, images: Sequence[npt.NDArray[np.uint8]], asked: Sequence[Collection[AttributeName]] | None = None
    ) -> list[Observation]:
        if self._fails:
            raise ProviderError("the card fell off the bus")
        height, width = images[0].shape[:2]
        unknown = Attribute("unknown", 0.5)
        head = Head((60.0, 20.0, 90.0, 50.0), 0.9, Attribute("missing", 0.95), unknown, unknown)
        return [Observation(width, height, (Person((40.0, 20.0, 110.0, 118.0), 0.9, head),)) for _ in images]


class NoRules:
    """Nothing is ever wrong."""

    def __init__(self, camera: CameraConfig, catalogue: Catalogue, repeats: list[Repeat]) -> None:
        pass

    def update(self, observation: Observation, time_s: float, wall_time: datetime, clock_off_s: float) -> list[Violation]:
        return []

    def wanted_interval_s(self, time_s: float) -> float | None:
        return None

    def wanted_at_s(self, time_s: float) -> float | None:
        return None

    def committed(self, violation: Violation) -> None:
        raise AssertionError("nothing was told")

    def refused(self, violation: Violation) -> None:
        raise AssertionError("nothing was told")


class ScriptedRules:
    """A poster that hangs there for ever (K01, told once an hour) and somebody new every half second (K02)."""

    def __init__(self, camera: CameraConfig, catalogue: Catalogue, repeats: list[Repeat]) -> None:
        self._catalogue = catalogue
        self._told = {(repeat.rule, repeat.spot) for repeat in repeats}

    def update(self, observation: Observation, time_s: float, wall_time: datetime, clock_off_s: float) -> list[Violation]:
        spot = int(wall_time.timestamp() * SPOTS_A_SECOND)
        found = [self._violation("K01", 0, observation, wall_time), self._violation("K02", spot, observation, wall_time)]
        return [one for one in found if (one.repeat.rule, one.repeat.spot) not in self._told]

    def wanted_interval_s(self, time_s: float) -> float | None:
        return 5.0  # somebody is always suspected

    def wanted_at_s(self, time_s: float) -> float | None:
        return None

    def committed(self, violation: Violation) -> None:
        self._told.add((violation.repeat.rule, violation.repeat.spot))

    def refused(self, violation: Violation) -> None:
        self._told.discard((violation.repeat.rule, violation.repeat.spot))

    def _violation(self, code: str, spot: int, observation: Observation, wall_time: datetime) -> Violation:
        box: Box = (float(spot), 0.0, spot + 10.0, 10.0)
        return Violation(
            rule=self._catalogue.rule(code), track=1, since_s=0.0, since=wall_time - timedelta(seconds=10),
            votes=AttributeVotes(looks=5, sure=5, violating=5), box=box, person=observation.people[0],
            repeat=Repeat(code, box, wall_time + timedelta(hours=1)),
        )


def load(setup: Setup) -> Loaded:
    """On the processor, and told so, whatever was asked for; on a graphics card that fails at once where that was CUDA."""
    return Loaded(ScriptedDetector(fails=setup.provider == "cuda"), no_provider=setup.provider == "tensorrt")


def crash(where: str, camera_id: str) -> None:
    """What FFmpeg does on a stream of this camera, as far as a process can tell."""
    match where:
        case "opens":
            open_reader = worker.open_reader

            def open_it(camera: CameraConfig, *arguments: Any, **options: Any) -> CameraReader:
                reader = open_reader(camera, *arguments, **options)
                if camera.id == camera_id:
                    reader._make_source = lambda: ctypes.string_at(0)  # type: ignore[assignment,return-value]
                return reader

            worker.open_reader = open_it  # type: ignore[attr-defined]
        case "decodes" | "aborts":
            # Called in the decoder, in the thread of the camera.
            def decoded(_: WorkLog, name: str, packet: int, *, alone: bool) -> None:
                if name == camera_id:
                    ctypes.string_at(0) if where == "decodes" else os.abort()

            WorkLog.decoded = decoded  # type: ignore[method-assign]
        case "converts":
            # In the thread that looks, which has the pictures of all cameras in its hands.
            is_wanted = watched.Watched.is_wanted

            def wanted(camera: watched.Watched, picture: Picture) -> bool:
                return bool(ctypes.string_at(0)) if camera.config.id == camera_id else is_wanted(camera, picture)

            watched.Watched.is_wanted = wanted  # type: ignore[method-assign]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--crash", nargs=2, default=None)
    parser.add_argument("--patience", type=float, default=keeping.PATIENCE_S)
    parser.add_argument("descriptor")
    given = parser.parse_args()
    keeping.PATIENCE_S = given.patience
    if given.crash:
        crash(*given.crash)
    worker.main([given.descriptor], load, NoRules if given.quiet else ScriptedRules)
