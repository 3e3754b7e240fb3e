from collections.abc import AsyncIterator

import pytest

from api.deliveries import web_push
from api.kit.outbound import read_networks
from api.kit.settings import Settings
from tests.api.deliveries.post import Post
from tests.api.deliveries.receiver import Receiver, receiving
from tests.api.world import World


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture(autouse=True)
def _push_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """May be the receiver too."""
    monkeypatch.setattr(web_push, "NETWORKS", read_networks("127.0.0.0/8"))


def _reachable(settings: Settings, receiver: Receiver) -> None:
    settings.outbound_networks = "127.0.0.0/8"
    settings.delivery_timeout_s = 20
    settings.wecom_url = settings.dingtalk_url = settings.feishu_url = receiver.url


@pytest.fixture
async def post(world: World, receiver: Receiver) -> AsyncIterator[Post]:
    """Messages on SQLite, sent to the receiver when a test says so."""
    _reachable(world.centre.settings, receiver)
    async with Post.open(world, receiver) as post:
        yield post


@pytest.fixture
async def any_post(any_world: World, receiver: Receiver) -> AsyncIterator[Post]:
    """The same on both engines."""
    _reachable(any_world.centre.settings, receiver)
    async with Post.open(any_world, receiver) as post:
        yield post
