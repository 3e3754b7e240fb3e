"""The cameras of a benchmark, in a process of their own: `python -m bench.cameras CLIP...` serves each clip on loopback.

A line `{"url": ...}` for each camera, in order, once all of them listen; then a line `{"camera": i, "started": seconds,
"from_s": ...}` with the wall-clock time at which camera i began to play and the second of its clip that it began with, for each
time that somebody begins to watch it.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from itertools import chain, dropwhile
from pathlib import Path

import av

from contract.lifetime import end_with_input
from ingest.rtp import AccessUnit
from ingest.rtsp_server import RtspServer


class Camera(RtspServer):
    """Begins its clip anew for every first viewer, at a place and after a time of its own: kitchens are not in step, nor do
    cameras send their key frames all at once.

    `place`: the share of the clip after which it begins, at the next key frame.
    """

    def __init__(self, path: Path, number: int, place: float, phase_s: float) -> None:
        super().__init__(path)
        self._number = number
        self._place = place
        self._phase_s = phase_s
        self._left = asyncio.Event()
        self._units: Iterator[AccessUnit] = iter(())

    def units(self) -> Iterator[AccessUnit]:
        return self._units

    def _wind(self) -> float:
        """To where it begins; returns the second of the clip."""
        with av.open(str(self.clip.path)) as container:
            from_s = self._place * (container.duration or 0) / av.time_base
        units = dropwhile(lambda unit: not unit.keyframe or unit.dts_s < from_s, self.clip.units())
        first = next(units)
        self._units = chain([first], units)
        return first.dts_s

    async def _play(self) -> None:
        while True:
            from_s = self._wind()  # before anybody plays: it takes a moment
            await self._watched.wait()
            await asyncio.sleep(self._phase_s)
            print(json.dumps({"camera": self._number, "started": time.time(), "from_s": from_s}), flush=True)
            self._left.clear()
            playing = asyncio.create_task(super()._play())
            try:
                await self._left.wait()
            finally:
                playing.cancel()
                await asyncio.wait({playing})

    def watch_changed(self) -> None:
        super().watch_changed()
        if not self.receivers:
            self._left.set()


async def serve(clips: list[Path]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    end_with_input()
    async with contextlib.AsyncExitStack() as stack:
        # Spread over the clip, and over the longest key-frame interval.
        cameras = [Camera(clip, i, i / len(clips), 2.0 * i / len(clips)) for i, clip in enumerate(clips)]
        for camera in cameras:
            await stack.enter_async_context(camera)
        for camera in cameras:
            print(json.dumps({"url": camera.url}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve([Path(argument) for argument in sys.argv[1:]]))
