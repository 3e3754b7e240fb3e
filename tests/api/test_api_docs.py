"""docs/api.md: every example is executed as it stands, in its order, by a real shell against a real server."""

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from api.clients.scopes import Scope
from api.deliveries.kinds import CASE_EVENTS
from api.feed.publisher import publish_all
from tests.api.test_feed import live
from tests.api.test_oauth import add, told
from tests.api.world import World, jpeg

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
TOOLS = ("bash", "curl", "jq", "openssl")
EXAMPLE = re.compile(r"```sh\n(.*?)```(?:\s*```json\n(.*?)```)?", re.DOTALL)
# What must be the very same, where everything else must be of the same kind.
EXACT = {"token_type", "expires_in", "code", "status", "state", "type", "error", "scope"}


async def run(script: str, variables: dict[str, str], folder: Path) -> str:
    """What it prints; what it sets is a variable of the next example."""
    whole = f"set -aeuo pipefail\n{script}\nenv -0 > variables"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", whole, cwd=folder, env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, f"{script}\n{err.decode()}{out.decode()}"
    pairs = (line.partition("=") for line in (folder / "variables").read_text().split("\0"))
    variables.update({name: value for name, _, value in pairs if name})
    return out.decode()


def differences(told: Any, got: Any, where: str = "") -> list[str]:
    """What the document tells that is not so: a field that is missing, or of another kind."""
    if isinstance(told, dict) and isinstance(got, dict):
        missing = [f"{where}.{name} is missing" for name in told if name not in got]
        return missing + [
            line for name, value in told.items() if name in got for line in differences(value, got[name], f"{where}.{name}")
        ]
    if isinstance(told, list) and isinstance(got, list):
        if told and not got:
            return [f"{where} is empty"]
        return differences(told[0], got[0], f"{where}[0]") if told and not isinstance(told[0], str) else []
    is_exact = where.rpartition(".")[2] in EXACT or (where == "" and isinstance(told, int))
    if type(told) is not type(got) or (is_exact and told != got):
        return [f"{where}: {told!r} is told, and it is {got!r}"]
    return []


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")
async def test_every_example(world: World, tmp_path: Path):
    place = await world.place("望江楼川菜馆")
    box = await world.edge(place)
    for _ in range(2):
        await told(world, place, box)
    await publish_all(world.centre)
    await box.beat(box.minute())
    program = await add(world, place, scopes=list(Scope))
    officer = await world.person(place=place)
    (tmp_path / "now.jpg").write_bytes(jpeg())
    examples = EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(examples) >= 20
    async with live(world, officer) as online:
        variables = {
            "PATH": os.environ["PATH"], "CENTRE": str(online.base_url).rstrip("/"), "CLIENT_ID": program.id,
            "CLIENT_SECRET": program.secret,
        }
        world.centre.public_url = variables["CENTRE"]
        for script, expected in examples:
            if "$CODE" in script:
                variables["CODE"] = await code(officer, variables["OPEN_IN_THE_BROWSER"])
            printed = await run(script, variables, tmp_path)
            if expected:
                assert differences(json.loads(expected), json.loads(printed)) == [], f"{script}{printed}"


async def code(person: httpx.AsyncClient, address: str) -> str:
    """What the browser of somebody who agrees comes back with."""
    form = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (await person.get(address)).status_code == 200
    back = (await person.post("/oauth/authorize", data=form | {"allow": "yes"})).headers["location"]
    return parse_qs(urlsplit(back).query)["code"][0]


def test_every_kind_of_event_is_told():
    told = set(re.findall(r"`(case\.\w+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert told == {event.value for event in CASE_EVENTS}


def test_a_difference_is_found():
    told = {"id": 1, "state": "issued", "items": [{"name": "x"}]}
    assert differences(told, {"id": 2, "state": "issued", "items": [{"name": "y", "more": 1}]}) == []
    for got in ({"id": "1"}, {"state": "closed"}, {"items": []}, {"items": [{}]}):
        assert differences(told, {**told, **got})
