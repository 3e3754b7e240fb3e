"""What is done again and again: one that fails is told once, and a fault of ours with its place."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from api.kit.repeating import repeating


@pytest.mark.parametrize(
    ("error", "has_place"), [(KeyError("a fault of ours"), True), (OperationalError("SELECT 1", {}, Exception("gone")), False)]
)
async def test_what_fails_is_told_once_and_when_it_works_again(error: Exception, has_place: bool):
    ends = [error, error, None, None]
    done = asyncio.Event()

    async def act(_stopping: asyncio.Event) -> None:
        if not ends:
            done.set()
        elif (end := ends.pop(0)) is not None:
            raise end

    with capture_logs() as told:
        async with repeating(act, 0.001, "it could not be done"), asyncio.timeout(60):
            await done.wait()
    said = [(line["event"], line.get("exc_info")) for line in told]
    assert said == [("it could not be done", has_place), ("it works again", None)]
