from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from tests.api.console.kitchen import Kitchen


@pytest.fixture
async def kitchen(tmp_path: Path) -> Kitchen:
    return await Kitchen.build(tmp_path)


@pytest.fixture
async def browser(kitchen: Kitchen) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without JavaScript and without pictures: forms and links only."""
    app = create_app(kitchen.settings)
    headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("198.51.100.4", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://centre", headers=headers) as client:
            yield client
