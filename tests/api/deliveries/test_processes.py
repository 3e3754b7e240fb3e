"""Real processes that share a PostgreSQL database and are killed while they send."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from tests.api.deliveries.post import Post

MESSAGES = 120
PATIENCE_S = 240
# The centre's dispatcher alone, in a process of its own.
PROGRAM = """
import asyncio
from api.centre import Centre
from api.deliveries.dispatcher import Dispatcher
from api.kit.settings import Settings
asyncio.run(Dispatcher(Centre(Settings())).run())
"""


@asynccontextmanager
async def process(post: Post) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = post.world.centre.settings
    url: SecretStr = settings.database_url or SecretStr("")
    environment = {
        **os.environ, "SUNSHINE_DATA": str(settings.data), "SUNSHINE_DATABASE_URL": url.get_secret_value(),
        "SUNSHINE_OUTBOUND_NETWORKS": "127.0.0.0/8", "SUNSHINE_DELIVERY_TIMEOUT_S": "2", "SUNSHINE_DATABASE_WAIT_S": "60",
    }
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, env=environment)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def has_sent(post: Post, number: int) -> None:
    """So many different messages."""
    async with asyncio.timeout(PATIENCE_S), post.receiver.arrived:
        await post.receiver.arrived.wait_for(lambda: len({r.headers["webhook-id"] for r in post.receiver.requests}) >= number)


@pytest.mark.postgres
@pytest.mark.parametrize("any_settings", ["postgres"], indirect=True)
async def test_nothing_is_lost_and_nothing_doubled_but_what_was_on_its_way(any_post: Post):
    """Two processes share the work; one after the other is killed in the middle of it, and another one takes over."""
    post = any_post
    target = await post.target()
    for _ in range(MESSAGES):
        await post.admin.post(f"/api/v1/targets/{target['id']}/test")
    async with process(post), process(post) as second:
        async with process(post) as first:
            await has_sent(post, 10)
            first.send_signal(signal.SIGKILL)
        await has_sent(post, 40)
        second.send_signal(signal.SIGKILL)
        await has_sent(post, MESSAGES)
    told = Counter(request.headers["webhook-id"] for request in post.receiver.requests)
    # Of one target a process sends one message at a time, so each kill can double one.
    assert sum(times - 1 for times in told.values()) <= 2
    assert json.loads(post.receiver.requests[0].body)["type"] == "test"
