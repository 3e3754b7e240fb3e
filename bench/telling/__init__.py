"""How fast findings are taken, and how soon others hear of them: real centres in processes of their own, spoken to over HTTP."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.cases import Tell
from bench.telling import accepting, feed, following, hearing
from bench.telling.figures import Figure
from tests.api.postgres_server import running_server


def measure(
    engines: list[str], steps: list[str], reports: int, followers: int, sizes: list[int], tell: Tell
) -> Iterator[Figure]:
    """Each as soon as it is known. `steps`: accepting, hearing, following, feed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sunshine-bench-")))
        server = stack.enter_context(running_server()) if "postgres" in engines else ""
        for engine in engines:
            for name in steps:
                tell(f"{engine}: {name}")
                place = folder / f"{engine}_{name}"
                match name:
                    case "accepting":
                        yield from asyncio.run(accepting.measure(engine, place, server, reports))
                    case "hearing":
                        yield from asyncio.run(hearing.measure(engine, place, server, reports))
                    case "following":
                        yield from asyncio.run(following.measure(engine, place, server, followers))
                    case "feed":
                        yield from asyncio.run(feed.measure(engine, place, server, sizes))
                    case _:
                        raise ValueError(f"There is no step {name}.")
