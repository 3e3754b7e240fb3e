"""Whether the queries behind lists and pages stay flat as cases grow: the same requests against databases of several sizes.

Shops, cameras and the share of each state are the same at every size: a station of 100 shops that goes on for years. At the
smallest size every list fills its page already, so that all sizes answer with as many rows.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, text

from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.accounts.service import actor_of, start_session
from api.accounts.tables import User
from api.app import create_app
from api.cameras.tables import Camera
from api.cases.states import Act, CaseState
from api.cases.tables import Case, CaseTransition, Stage
from api.centre import Centre
from api.edges.tables import Edge
from api.evidence.tables import Chain, Countersignature, Evidence
from api.kit.database import Table, Work
from api.kit.settings import Settings
from api.migrations import upgrade
from api.places.tables import Area, District, Shop
from contract.catalogue import AreaKind
from contract.countersigning import FIRST, Statement
from contract.evidence import FIRST_OF_CHAIN, AttributeVotes, Manifest, MarkedBox, ModelVersion, file_digest
from contract.signing import canonical
from tests.api.postgres_server import running_server

SHOPS, CAMERAS_EACH, STATIONS = 100, 2, 5
# Of a hundred cases: those that wait for judgement, those with a shop, and the ended ones.
STATES = [CaseState.PENDING_REVIEW, CaseState.ISSUED, CaseState.SUBMITTED, *[CaseState.CLOSED] * 57, *[CaseState.DISMISSED] * 40]
STEPS = (
    (Act.REPORT, None, CaseState.DETECTED), (Act.QUEUE, CaseState.DETECTED, CaseState.PENDING_REVIEW),
    (Act.CONFIRM, CaseState.PENDING_REVIEW, CaseState.CONFIRMED), (Act.ISSUE, CaseState.CONFIRMED, CaseState.ISSUED),
)
CHUNK = 2000
# So many are made up one by one; larger databases hold them several times.
BASE = 10_000
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
Tell = Callable[[str], None]


@dataclass
class Filled:
    """A centre with so many cases, and who asks it."""

    size: int
    app: FastAPI
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """Milliseconds, and how many times those of the smallest size they are."""

    engine: str
    what: str
    size: int
    p50_ms: float
    p95_ms: float
    p50_ratio: float
    p95_ratio: float


def measure(sizes: list[int], engines: list[str], rounds: int, tell: Tell) -> list[Figure]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sunshine-bench-")))
        server = stack.enter_context(running_server()) if "postgres" in engines else ""
        return [
            figure for engine in engines
            for figure in asyncio.run(_measure(sizes, engine, folder, server, rounds, tell))
        ]


async def _measure(sizes: list[int], engine: str, folder: Path, server: str, rounds: int, tell: Tell) -> list[Figure]:
    filled = []
    for size in sizes:
        begun = time.monotonic()
        filled.append(await _fill(size, engine, folder / f"{engine}-{size}", server))
        tell(f"{engine}: {size} cases in {time.monotonic() - begun:.0f} s")
    # In turns, so that what else the machine does falls on all sizes alike.
    for number in range(-1, rounds):
        for one in filled:
            await _ask(one, random.Random(number), is_warming=number < 0)
    figures = []
    for what in filled[0].seconds:
        first: tuple[float, float] | None = None
        for one in filled:
            p50, p95 = _quantiles(one.seconds[what])
            first = first or (p50, p95)
            figures.append(Figure(engine, what, one.size, p50 * 1000, p95 * 1000, p50 / first[0], p95 / first[1]))
    for one in filled:
        for client in one.clients:
            await client.aclose()
        await one.app.state.centre.close()
    return figures


def _quantiles(seconds: list[float]) -> tuple[float, float]:
    parts = statistics.quantiles(seconds, n=20)
    return parts[9], parts[18]


async def _ask(filled: Filled, chance: random.Random, *, is_warming: bool) -> None:
    reviewer, shop = filled.clients
    for _ in range(20):
        case_id = chance.randint(1, filled.size)
        requests = (
            ("review queue", reviewer, "/review"),
            ("list to judge", reviewer, "/cases/list"),
            ("shop's list", shop, "/api/v1/cases?limit=40"),
            ("case page", reviewer, f"/cases/{case_id}"),
            ("case, API", reviewer, f"/api/v1/cases/{case_id}"),
        )
        for what, client, path in requests:
            begun = time.perf_counter()
            answer = await client.get(path)
            took = time.perf_counter() - begun
            answer.raise_for_status()
            if not is_warming:
                filled.seconds.setdefault(what, []).append(took)


async def _fill(size: int, engine: str, folder: Path, server: str) -> Filled:
    settings: dict[str, Any] = {"data": folder}
    if engine == "postgres":
        settings["database_url"] = await new_database(server, f"bench_{size}")
    app = create_app(Settings.model_validate(settings))
    centre: Centre = app.state.centre
    await upgrade(centre.database)
    async with centre.database.writing() as work:
        await _add_places(work)
    base = min(size, BASE)
    for rows in _cases(base):
        async with centre.database.writing() as work:
            for table, some in rows.items():
                await work.execute(insert(table), some)
    for copy in range(1, -(-size // base)):
        async with centre.database.writing() as work:
            for table in (Case, CaseTransition, Evidence, Countersignature):
                await work.execute(text(_copying(table)), {"shift": copy * base, "prefix": f"{copy:08d}"})
    if engine == "postgres":  # what its autovacuum does by itself in the first minutes
        async with centre.database.writing() as work:
            await work.execute(text("ANALYZE"))
            # Numbers were given by hand.
            await work.execute(text("SELECT setval(pg_get_serial_sequence('cases', 'id'), (SELECT max(id) FROM cases))"))
    filled = Filled(size, app)
    for role, shop_id in ((Role.REVIEWER, None), (Role.STORE_OWNER, "shop-7")):
        filled.clients.append(await _client(app, centre, role, shop_id))
    return filled


def _copying(table: type[Table]) -> str:
    """Every row once more, as that of another case: the database itself is a hundred times faster at it than we are."""
    shifted = {"id", "case_id", "sequence"} if table is not CaseTransition else {"case_id"}
    renamed = {"violation_id", "digest"} if table is Evidence else {"manifest"} if table is Countersignature else set()
    columns = [column.name for column in table.__table__.columns if (table, column.name) != (CaseTransition, "id")]
    values = [
        f"{name} + :shift" if name in shifted else f":prefix || substr({name}, 9)" if name in renamed else name
        for name in columns
    ]
    of_the_base = "id" if table is Case else "case_id"
    return (
        f"INSERT INTO {table.__tablename__} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table.__tablename__} "
        f"WHERE {of_the_base} <= {BASE}"
    )


async def new_database(server: str, name: str) -> str:
    import psycopg

    url = server.format(name="postgres").replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    return server.format(name=name)


async def _client(app: FastAPI, centre: Centre, role: Role, shop_id: str | None) -> httpx.AsyncClient:
    user = User(
        login=role.value, name=role.value, password_hash="!", role=role, is_admin=False, shop_id=shop_id, language="zh-CN",
        disabled=False, created_at=START,
    )
    async with centre.database.writing() as work:
        work.add(user)
        await work.flush()
        token = await start_session(work, centre.settings, actor_of(user, "192.0.2.1"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench", cookies={COOKIE: token})


async def _add_places(work: Work) -> None:
    work.add(District(id="county", name="County"))
    await work.flush()
    work.add_all(District(id=f"station-{n}", name=f"Station {n}", parent_id="county") for n in range(STATIONS))
    await work.flush()
    work.add_all(Shop(id=f"shop-{n}", district_id=f"station-{n % STATIONS}", name=f"Shop {n}") for n in range(SHOPS))
    await work.flush()
    work.add_all(Area(id=f"area-{n}", shop_id=f"shop-{n}", kind=AreaKind.COOKING, name="Kitchen") for n in range(SHOPS))
    work.add(
        Edge(
            id="edge", name="Box", shop_id="shop-0", public_key="", encryption_key="", enrolled_at=START, enrolled_by="x",
            software_version="1",
        )
    )
    await work.flush()
    for n in range(SHOPS * CAMERAS_EACH):
        shop = n // CAMERAS_EACH
        work.add(
            Camera(id=f"camera-{n}", shop_id=f"shop-{shop}", area_id=f"area-{shop}", name=f"Camera {n}", url="rtsp://192.0.2.7/")
        )
    await work.flush()


def _cases(size: int) -> Iterator[dict[type[Table], list[dict[str, Any]]]]:
    """Rows by table, in the order in which they can be added."""
    chance = random.Random(7)
    step = timedelta(days=300) / size
    for first in range(1, size + 1, CHUNK):
        rows: dict[type[Table], list[dict[str, Any]]] = {Case: [], CaseTransition: [], Evidence: [], Countersignature: []}
        for number in range(first, min(first + CHUNK, size + 1)):
            camera = chance.randrange(SHOPS * CAMERAS_EACH)
            state, at = chance.choice(STATES), START + number * step
            rows[Case].append(_case(number, camera, state, at))
            steps = STEPS if state is not CaseState.PENDING_REVIEW else STEPS[:2]
            rows[CaseTransition] += [
                {
                    "case_id": number, "version": version, "at": at, "actor_kind": "person", "actor_id": "officer",
                    "actor_name": "Officer", "act": act, "before": before, "after": after,
                }
                for version, (act, before, after) in enumerate(steps)
            ]
            rows[Evidence].append(_evidence(number, camera, at))
            rows[Countersignature].append(
                {"manifest": f"{number:064x}", "number": 1, "case_id": number, "statement": _STATEMENT, "signature": "x" * 88}
            )
        yield rows


def _case(number: int, camera: int, state: CaseState, at: datetime) -> dict[str, Any]:
    shop = camera // CAMERAS_EACH
    is_open = state in (CaseState.PENDING_REVIEW, CaseState.ISSUED, CaseState.SUBMITTED)
    return {
        "id": number, "camera_id": f"camera-{camera}", "shop_id": f"shop-{shop}", "area_id": f"area-{shop}", "rule": "K01",
        "severity": 3, "state": state, "opened_at": at, "captured_at": at, "last_seen_at": at, "track": number,
        "spot": [0.1, 0.1, 0.2, 0.2], "looks": 10, "sure_looks": 8, "violating_looks": 7, "observations": 1, "version": 3,
        "stage": Stage.REVIEW if is_open else None, "stage_from": at if is_open else None,
        "due_at": at + timedelta(days=3) if is_open else None, "next_check_at": at + timedelta(days=1) if is_open else None,
    }


def _evidence(number: int, camera: int, at: datetime) -> dict[str, Any]:
    return {
        "violation_id": str(UUID(int=number)), "case_id": number, "camera_id": f"camera-{camera}", "edge_id": "edge",
        "manifest": _MANIFEST, "digest": f"{number:064x}", "signature": "x" * 88, "sequence": number, "previous": FIRST_OF_CHAIN,
        "chain": Chain.WHOLE, "received_at": at, "seen_at": at, "folder": f"evidence/{number}",
    }


_MANIFEST = Manifest(
    violation_id=UUID(int=1), edge_id="edge", camera_id="camera-1", camera_name="Camera 1", shop_id="shop-1",
    area=AreaKind.COOKING, stream_host="192.0.2.7", sequence=1, previous=FIRST_OF_CHAIN, rule="K01", severity=3,
    catalogue_version="0" * 12, models=[ModelVersion(name="finder", sha256="a" * 64)], software_version="1", captured_at=START,
    clock_offset_s=None,
    camera_time_s=1.0, since=START, frame_width=1920, frame_height=1080, track=1,
    votes=AttributeVotes(looks=10, sure=8, violating=7),
    boxes=[MarkedBox(kind="head", box=(10.0, 10.0, 60.0, 60.0), score=0.9, violating=True)] * 8,
    files={"original.jpg": file_digest(b""), "overlay.jpg": file_digest(b"")},
).canonical().decode()

_STATEMENT = canonical(
    Statement(
        manifest="b" * 64, edge_id="edge", camera_id="camera-1", sequence=1, previous=FIRST_OF_CHAIN, number=1, before=FIRST,
        act="received", at=START, by="Box", key="x" * 44,
    )
).decode()
