"""A small world around one centre: places, people who are signed in, and an edge that speaks the protocol."""

import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import av
import cv2
import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from fastapi import FastAPI
from sqlalchemy.pool import QueuePool

from api.accounts.actors import the_house
from api.accounts.dependencies import COOKIE
from api.accounts.permissions import Role
from api.accounts.service import actor_of, start_session
from api.accounts.tables import User
from api.alarms.schemas import AlarmBoxIn
from api.alarms.service import create_box, set_channels
from api.app import create_app
from api.cameras.schemas import CameraIn
from api.cameras.service import create_camera
from api.centre import Centre
from api.edges.service import create_code
from api.kit.files import Files
from api.kit.settings import Settings
from api.kit.times import now
from api.places.schemas import AreaIn, ContactEntry, DistrictIn, ShopIn
from api.places.service import create_area, create_district, create_shop
from api.places.tables import Duty
from contract.catalogue import AreaKind
from contract.edge_auth import make_edge_token
from contract.edges import AGE, CameraMinute, Heartbeat, StreamFault
from contract.evidence import (
    CLIP,
    FIRST_OF_CHAIN,
    AttributeVotes,
    ClipManifest,
    Manifest,
    MarkedBox,
    ModelVersion,
    file_digest,
    seal,
    seal_clip,
)
from tests.api.forms import FormClient

HOUSE = the_house("test")
WIDTH, HEIGHT = 64, 48
CLIP_S, VIDEO_FPS = 2.0, 10


def jpeg(shade: int = 128, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    done, encoded = cv2.imencode(".jpg", np.full((height, width, 3), shade, np.uint8))
    assert done
    return encoded.tobytes()


async def with_key(request: httpx.Request) -> None:
    """An Idempotency-Key of its own for each act that has none."""
    if request.method == "POST":
        request.headers.setdefault("Idempotency-Key", str(uuid4()))


@cache
def video(codec: str = "libx264", *, seconds: float = CLIP_S, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """An MP4, as an edge cuts it: a grey picture that grows lighter."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as container:
        options = {"x265-params": "log-level=none:pools=none:frame-threads=1"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=VIDEO_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * VIDEO_FPS)):
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), number % 200, np.uint8), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return content.getvalue()


@dataclass(frozen=True)
class Place:
    district_id: str
    shop_id: str
    area_id: str
    camera_id: str


@dataclass
class World:
    app: FastAPI
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["World"]:
        world = cls(create_app(settings))
        yield world
        for client in world.clients:
            await client.aclose()
        await world.centre.close()

    @property
    def centre(self) -> Centre:
        centre: Centre = self.app.state.centre
        return centre

    @property
    def connections_in_use(self) -> int:
        """To the database, each with a transaction that is open."""
        pool = self.centre.database.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout()

    def count_at_each_file(self, patch: pytest.MonkeyPatch) -> list[int]:
        """The connections in use whenever a file is fetched from the store."""
        get, counted = Files.get, list[int]()

        async def get_and_count(files: Files, key: str) -> bytes:
            counted.append(self.connections_in_use)
            return await get(files, key)

        patch.setattr(Files, "get", get_and_count)
        return counted

    async def reopen_database(self, wait_s: float) -> None:
        """With another patience."""
        await self.centre.database.close()
        self.centre.settings.database_wait_s = wait_s
        del self.centre.__dict__["database"]

    def client(self, **options: Any) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = FormClient(transport=transport, base_url="http://centre.test", **options)
        self.clients.append(client)
        return client

    async def person(self, role: Role = Role.OFFICER, *, is_admin: bool = False, place: Place | None = None) -> httpx.AsyncClient:
        """Somebody who is signed in; with a place, bound to its shop (roles of a shop) or district (all others)."""
        of_shop = role in (Role.STORE_ADMIN, Role.STORE_OWNER)
        user = User(
            login=f"{role.value}-{uuid4().hex[:6]}", name=f"{role.value} person", password_hash="!", role=role, is_admin=is_admin,
            district_id=place.district_id if place and not of_shop else None,
            shop_id=place.shop_id if place and of_shop else None,
            language="en", disabled=False, created_at=now(),
        )
        async with self.centre.database.writing() as work:
            work.add(user)
            await work.flush()
            token = await start_session(work, self.centre.settings, actor_of(user, "192.0.2.1"))
        return self.client(cookies={COOKIE: token}, event_hooks={"request": [with_key]})

    async def disable(self, user_id: str) -> None:
        async with self.centre.database.writing() as work:
            user = await work.get_one(User, user_id)
            user.disabled = True

    async def place(self, name: str = "Shop", password: str | None = None, **of_shop: Any) -> Place:
        async with self.centre.database.writing() as work:
            district = await create_district(work, HOUSE, DistrictIn(name=f"{name} district", phone="028-1234567"))
            owner = ContactEntry(duty=Duty.OWNER, name="Owner", phone="13800000000")
            shop = await create_shop(work, HOUSE, ShopIn(district_id=district.id, name=name, contacts=[owner], **of_shop))
            area = await create_area(work, HOUSE, AreaIn(shop_id=shop.id, kind=AreaKind.SPECIAL_ROOM, name="Cold dishes"))
            new = CameraIn.model_validate(
                {
                    "area_id": area.id, "name": f"{name} camera", "url": "rtsp://192.0.2.7:554/stream", "username": "viewer",
                    "password": password, "posts": ["gloves_required"],
                }
            )
            camera = await create_camera(work, HOUSE, self.centre.keyring, new, self.centre.clock())
        return Place(district.id, shop.id, area.id, camera.id)

    async def code(self, place: Place) -> str:
        async with self.centre.database.writing() as work:
            return (await create_code(work, HOUSE, self.centre.settings, place.shop_id))[0]

    async def edge(self, place: Place) -> "EdgeBox":
        """An edge enrolled for the shop; it watches the shop's camera."""
        box = EdgeBox(self.client(), place)
        answer = await box.enrol(await self.code(place))
        assert answer.status_code == 201, answer.text
        return box

    async def alarm_box(self, place: Place, form: str = "carrier_cloud", device: str = "device-1") -> "AlarmBoxOfShop":
        """A box of the shop's own that means the shop's camera by `device`."""
        async with self.centre.database.writing() as work:
            new = AlarmBoxIn(shop_id=place.shop_id, name="Shop's own box", format=form)
            box, token = await create_box(work, HOUSE, self.centre.keyring, self.centre.alarm_formats, new, now())
            await set_channels(work, HOUSE, box.edge_id, {place.camera_id: device})
        return AlarmBoxOfShop(self.client(headers={"Authorization": f"Bearer {token}"}), box.edge_id, token)

    async def case(self, place: Place, box: "EdgeBox | None" = None) -> int:
        answer = await (box or await self.edge(place)).report()
        assert answer.status_code == 201, answer.text
        case_id: int = answer.json()["case_id"]
        return case_id


@dataclass(frozen=True)
class AlarmBoxOfShop:
    """A box that the shop owns already, and its token."""

    client: httpx.AsyncClient
    id: str
    token: str

    async def alarm(self, body: object) -> httpx.Response:
        return await self.client.post("/api/v1/alarms", json=body)


class EdgeBox:
    """The edge's side of the protocol, written against `contract` alone."""

    def __init__(self, client: httpx.AsyncClient, place: Place) -> None:
        self.client = client
        self.place = place
        self.key = Ed25519PrivateKey.generate()
        self.encryption_key = X25519PrivateKey.generate()
        self.id = ""
        self.sequence = 0
        self.previous = FIRST_OF_CHAIN

    async def enrol(self, code: str) -> httpx.Response:
        body = {
            "code": code, "public_key": base64.b64encode(self.key.public_key().public_bytes_raw()).decode(),
            "encryption_key": base64.b64encode(self.encryption_key.public_key().public_bytes_raw()).decode(),
            "name": "Box", "software_version": "1.0",
        }
        answer = await self.client.post("/api/v1/edges/enroll", json=body)
        if answer.status_code == 201:
            self.id = answer.json()["edge_id"]
        return answer

    def sign(self, request: httpx.Request) -> httpx.Request:
        """For `auth=`: the token that holds for this request."""
        key = request.headers.get("Idempotency-Key")
        proved = request.read() if key is None else key.encode()
        token = make_edge_token(self.id, self.key, request.method, request.url.path, proved)
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    async def config(self, known: str | None = None) -> httpx.Response:
        headers = {"If-None-Match": known} if known else {}
        return await self.client.get("/api/v1/edge/config", headers=headers, auth=self.sign)

    async def beat(self, *minutes: CameraMinute, **fields: Any) -> httpx.Response:
        beat = Heartbeat(
            **{
                "sent_at": datetime.now(UTC), "software_version": "1.1", "config_version": "v", "outbox_waiting": 0,
                "minutes": list(minutes), **fields,
            }
        )
        return await self.client.post("/api/v1/edge/heartbeats", json=beat.model_dump(mode="json"), auth=self.sign)

    async def show(self, content: bytes | None = None, camera_id: str | None = None, **changes: Any) -> httpx.Response:
        """Send what the camera shows now."""
        body = {
            "camera_id": camera_id or self.place.camera_id, "taken_at": datetime.now(UTC).isoformat(),
            "jpeg": base64.b64encode(jpeg() if content is None else content).decode(), **changes,
        }
        return await self.client.post("/api/v1/edge/pictures", json=body, auth=self.sign)

    def minute(
        self, minutes_ago: int = 0, looks: int = 60, fault: StreamFault | None = None, camera_id: str | None = None
    ) -> CameraMinute:
        start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
        return CameraMinute(
            camera_id=camera_id or self.place.camera_id, minute=start, looks=looks, fault=fault, width=1920, height=1080
        )

    def manifest(self, pictures: dict[str, bytes] | None = None, **changes: Any) -> Manifest:
        """The next manifest in this edge's chain."""
        pictures = pictures or {"original.jpg": jpeg(), "overlay.jpg": jpeg(90)}
        captured = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        # Another person at another spot each time; otherwise it would be one case.
        x, y = 1 + 11 * (self.sequence % 5), 2 + 13 * (self.sequence // 5 % 3)
        fields: dict[str, Any] = {
            "violation_id": uuid4(), "edge_id": self.id, "camera_id": self.place.camera_id, "camera_name": "Camera",
            "shop_id": self.place.shop_id, "area": "special_room", "stream_host": "192.0.2.7", "sequence": self.sequence + 1,
            "previous": self.previous, "rule": "K01", "severity": 1, "catalogue_version": "0" * 12,
            "models": [ModelVersion(name="finder", sha256="a" * 64)], "software_version": "1.0", "captured_at": captured,
            "clock_offset_s": 0.0, "camera_time_s": 1.0, "since": captured - timedelta(seconds=20), "frame_width": WIDTH,
            "frame_height": HEIGHT, "track": self.sequence + 1, "votes": AttributeVotes(looks=10, sure=8, violating=7),
            "boxes": [MarkedBox(kind="head", box=(x, y, x + 9, y + 10), score=0.9, violating=True)],
            "files": {name: file_digest(content) for name, content in pictures.items()},
        }
        return Manifest.model_validate({**fields, **changes})

    async def send(
        self, manifest: Manifest, pictures: dict[str, bytes] | None = None, *, key: UUID | str | None = None,
        names: dict[str, str] | None = None, signed_by: Ed25519PrivateKey | None = None, age_s: float | None = None,
    ) -> httpx.Response:
        pictures = pictures or {"original.jpg": jpeg(), "overlay.jpg": jpeg(90)}
        names = names or {}
        sealed = seal(manifest, signed_by or self.key)
        files = {"manifest": ("manifest.json", sealed.model_dump_json(), "application/json")}
        for name, content in pictures.items():
            part = name.removesuffix(".jpg")
            files[part] = (names.get(part, name), content, "image/jpeg")  # type: ignore[assignment]
        headers = {"Idempotency-Key": str(key or manifest.violation_id)} | ({} if age_s is None else {AGE: str(age_s)})
        return await self.client.post("/api/v1/edge/violations", files=files, headers=headers, auth=self.sign)

    def clip_manifest(self, of: Manifest, clip: bytes | None = None, **changes: Any) -> ClipManifest:
        """The next link of the chain: the clip of a violation of this edge, or (without `clip`) the word that there is none."""
        told: dict[str, Any] = {"missing": "stopped", "files": {}}
        if clip is not None:
            told = {"codec": "h264", "duration_s": CLIP_S, "moment_s": 0.5, "files": {CLIP: file_digest(clip)}}
        return ClipManifest.model_validate(
            {
                "violation_id": of.violation_id, "snapshot": of.digest(), "edge_id": self.id,
                "camera_id": of.camera_id, "sequence": self.sequence + 1, "previous": self.previous,
                "software_version": "1.0", **told, **changes,
            }
        )

    async def send_clip(
        self, manifest: ClipManifest, clip: bytes | None = None, *, key: UUID | None = None,
        signed_by: Ed25519PrivateKey | None = None,
    ) -> httpx.Response:
        sealed = seal_clip(manifest, signed_by or self.key)
        files: dict[str, Any] = {"manifest": ("manifest.json", sealed.model_dump_json(), "application/json")}
        if clip is not None:
            files["clip"] = (CLIP, clip, "video/mp4")
        headers = {"Idempotency-Key": str(key or manifest.violation_id)}
        answer = await self.client.post("/api/v1/edge/clips", files=files, headers=headers, auth=self.sign)
        if answer.status_code == 201:
            self.sequence, self.previous = manifest.sequence, manifest.digest()
        return answer

    async def report_with_clip(self, clip: bytes | None = None, **changes: Any) -> Manifest:
        """A violation, and its clip after it."""
        manifest = self.manifest()
        assert (await self.send(manifest)).status_code == 201
        self.sequence, self.previous = manifest.sequence, manifest.digest()
        answer = await self.send_clip(self.clip_manifest(manifest, clip, **changes), clip)
        assert answer.status_code == 201, answer.text
        return manifest

    async def report(self, *, age_s: float | None = None, **changes: Any) -> httpx.Response:
        """The next violation, with pictures that fit it."""
        manifest = self.manifest(**changes)
        answer = await self.send(manifest, age_s=age_s)
        if answer.status_code == 201:
            self.sequence, self.previous = manifest.sequence, manifest.digest()
        return answer


async def answer_notice(
    client: httpx.AsyncClient, case_id: int, version: int, *photographs: bytes, act: str = "submit", **fields: str
) -> httpx.Response:
    """The answer of a shop; where nothing else is given, one that has all it needs."""
    form = {"act": act, "text": "Caps were handed out.", "person": "Li Mei", **fields}
    files = [("photographs", ("now.jpg", content, "image/jpeg")) for content in photographs or (jpeg(),)]
    return await client.post(f"/api/v1/cases/{case_id}/answers", data=form, files=files, headers={"If-Match": f'"{version}"'})


def problem_code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document = json.loads(answer.text)
    assert document["status"] == answer.status_code
    code: str = document["code"]
    return code
