"""The cameras of a benchmark, in a process of their own: `python -m bench.cameras CLIP...` serves each clip on loopback.

A line `{"url": ...}` for each camera, in order, once all of them listen; then a line `{"camera": i, "started": seconds}` with
the wall-clock time at which the clip of camera i began to play, for each time that somebody begins to watch it.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path

from contract.lifetime import end_with_input
from ingest.rtsp_server import RtspServer


class Camera(RtspServer):
    """Begins its clip anew for every first viewer, after a time of its own: cameras do not send their key frames all at once."""

    def __init__(self, path: Path, number: int, phase_s: float) -> None:
        super().__init__(path)
        self._number = number
        self._phase_s = phase_s
        self._left = asyncio.Event()

    async def _play(self) -> None:
        while True:
            await self._watched.wait()
            await asyncio.sleep(self._phase_s)
            print(json.dumps({"camera": self._number, "started": time.time()}), flush=True)
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
        # Spread over the longest key-frame interval of the clips.
        cameras = [Camera(clip, i, 2.0 * i / len(clips)) for i, clip in enumerate(clips)]
        for camera in cameras:
            await stack.enter_async_context(camera)
        for camera in cameras:
            print(json.dumps({"url": camera.url}), flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve([Path(argument) for argument in sys.argv[1:]]))
