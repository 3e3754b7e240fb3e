"""A centre with a shop, an edge box, two cameras and one account of each kind, and an edge that reports what a test needs."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import cv2
import httpx
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.accounts.permissions import Role
from api.accounts.tables import User
from api.cameras.tables import Camera
from api.edges.tables import Edge
from api.kit.database import Database
from api.kit.settings import Settings
from api.places.tables import Area, Contact, District, Duty, Shop
from api.tables import metadata
from contract.catalogue import AreaKind, load_catalogue
from contract.edge_auth import make_edge_token
from contract.evidence import (
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

PASSWORD = "steamed-buns-at-noon"
# As weak as Argon2 goes: tests sign in a thousand times.
WEAK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
SHOP = "望江楼川菜馆"
CAMERA = "专间 1 号机"
WIDTH, HEIGHT = 1280, 720
NOWHERE = "http://127.0.0.1:1"
LOGINS = {
    "reviewer": Role.REVIEWER,
    "officer": Role.OFFICER,
    "chief": Role.CHIEF,
    "admin": Role.ADMIN,
    "bureau": Role.BUREAU,
    "installer": Role.INSTALLER,
    "auditor": Role.AUDITOR,
    "store": Role.STORE_ADMIN,
}

CHEF = MarkedBox(kind="person", box=(430, 130, 570, 530), score=0.93)
BARE_HEAD = MarkedBox(kind="head", box=(445, 125, 555, 245), score=0.9, violating=True)
HELPER = MarkedBox(kind="person", box=(835, 135, 965, 530), score=0.9)


# The database of each kitchen as it was built once, by its names, and the keys of its edge.
_made: dict[tuple[str, str], tuple[Ed25519PrivateKey, X25519PrivateKey, bytes]] = {}


@dataclass
class Kitchen:
    settings: Settings
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    # Camera passwords are encrypted to it.
    encryption_key: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    edge_id: str = "edge-1"
    shop_id: str = "shop-1"
    camera_id: str = "camera-1"
    second_camera_id: str = "camera-2"
    area_id: str = "area-1"
    reports: int = 0
    # The sequence and the digest of each camera's last record.
    chains: dict[str, tuple[int, str]] = field(default_factory=dict)
    last: Manifest | None = None

    @classmethod
    async def build(cls, folder: Path, *, shop: str = SHOP, camera: str = CAMERA) -> "Kitchen":
        # No message of a test leaves this machine.
        kitchen = cls(Settings(data=folder, wecom_url=NOWHERE, dingtalk_url=NOWHERE, feishu_url=NOWHERE))
        path = folder / "sunshine.db"
        if (made := _made.get((shop, camera))) is not None:
            kitchen.key, kitchen.encryption_key, content = made
            path.write_bytes(content)
            return kitchen
        database = Database(kitchen.settings.async_database_url, 5)
        async with database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        hashed = WEAK.hash(PASSWORD)
        at = datetime.now(UTC)
        public = base64.b64encode(kitchen.key.public_key().public_bytes_raw()).decode()
        encryption = base64.b64encode(kitchen.encryption_key.public_key().public_bytes_raw()).decode()
        async with database.writing() as work:
            work.add(District(id="district-1", name="城东所", phone="028-1234567"))
            await work.flush()
            work.add(Shop(id=kitchen.shop_id, district_id="district-1", name=shop))
            await work.flush()
            work.add(Contact(shop_id=kitchen.shop_id, place=0, duty=Duty.FOOD_SAFETY, name="李梅", phone="13800000000"))
            work.add(Area(id=kitchen.area_id, shop_id=kitchen.shop_id, kind=AreaKind.SPECIAL_ROOM, name="凉菜间"))
            work.add(
                Edge(
                    id=kitchen.edge_id, name="后厨边缘盒", shop_id=kitchen.shop_id, public_key=public, encryption_key=encryption,
                    enrolled_at=at, enrolled_by="installer 张", approved_at=at, software_version="0.1.0",
                )
            )
            await work.flush()
            for camera_id, name in ((kitchen.camera_id, camera), (kitchen.second_camera_id, "专间 2 号机")):
                work.add(
                    Camera(
                        id=camera_id, shop_id=kitchen.shop_id, area_id=kitchen.area_id, edge_id=kitchen.edge_id, name=name,
                        url="rtsp://192.0.2.7/Streaming/Channels/101", username="viewer", password_encrypted="sealed-elsewhere",
                        interval_s=2.5,
                    )
                )
            for login, role in LOGINS.items():
                bound = kitchen.shop_id if role is Role.STORE_ADMIN else None
                work.add(User(login=login, name=f"{login} 张", password_hash=hashed, role=role, shop_id=bound, created_at=at))
        await database.close()
        _made[shop, camera] = kitchen.key, kitchen.encryption_key, path.read_bytes()
        return kitchen

    def sign(self, request: httpx.Request) -> httpx.Request:
        """For `auth=`: the token that holds for this request."""
        key = request.headers.get("Idempotency-Key")
        proved = request.read() if key is None else key.encode()
        token = make_edge_token(self.edge_id, self.key, request.method, request.url.path, proved)
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    def report(
        self, rule: str = "K01", *, picture: bytes | None = None, boxes: list[MarkedBox] | None = None,
        camera_id: str | None = None, ago_s: int = 5, off_s: float | None = 0.0,
    ) -> dict[str, object]:
        """The keyword arguments of the request that hands in one more violation."""
        picture = picture or draw()
        captured = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ago_s)
        # Another person at another spot each time; otherwise it would be one case.
        x1, y1, x2, y2 = BARE_HEAD.box
        head = BARE_HEAD.model_copy(update={"box": (x1 + 60 * self.reports, y1, x2 + 60 * self.reports, y2)})
        self.reports += 1
        camera_id = camera_id or self.camera_id
        last, previous = self.chains.get(camera_id, (0, FIRST_OF_CHAIN))
        manifest = Manifest(
            violation_id=uuid4(), edge_id=self.edge_id, camera_id=camera_id, camera_name=CAMERA, shop_id=self.shop_id,
            area=AreaKind.SPECIAL_ROOM, stream_host="192.0.2.7", sequence=last + 1, previous=previous, rule=rule,
            severity=2, catalogue_version=load_catalogue().version, software_version="0.1.0", camera_time_s=12.0,
            models=[ModelVersion(name="finder", sha256=_sha256(b"finder"))], captured_at=captured, clock_offset_s=off_s,
            since=captured - timedelta(seconds=22), frame_width=WIDTH, frame_height=HEIGHT, track=6 + self.reports,
            votes=AttributeVotes(looks=21, sure=18, violating=17), boxes=boxes or [CHEF, head, HELPER],
            files={"original.jpg": file_digest(picture), "overlay.jpg": file_digest(picture)},
        )
        self.chains[camera_id], self.last = (last + 1, manifest.digest()), manifest
        sealed = seal(manifest, self.key).model_dump_json().encode()
        return {
            "url": "/api/v1/edge/violations",
            "headers": {"Idempotency-Key": str(manifest.violation_id)},
            "auth": self.sign,
            "files": {
                "manifest": ("manifest.json", sealed, "application/json"),
                "original": ("original.jpg", picture, "image/jpeg"),
                "overlay": ("overlay.jpg", picture, "image/jpeg"),
            },
        }

    def picture(self, content: bytes | None = None, *, camera_id: str | None = None, ago_s: int = 5) -> dict[str, object]:
        """The keyword arguments of the request that shows what a camera sees; by default a flat grey."""
        grey = cv2.imencode(".jpg", np.full((360, 640, 3), 128, np.uint8))[1].tobytes()
        body = {
            "camera_id": camera_id or self.camera_id, "taken_at": (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(),
            "jpeg": base64.b64encode(content or grey).decode(),
        }
        return {"url": "/api/v1/edge/pictures", "auth": self.sign, "json": body}

    def clip(self, content: bytes | None, **told: object) -> dict[str, object]:
        """The keyword arguments of the request that hands in the clip of the last violation; or (None) why there is none."""
        assert self.last is not None
        last, previous = self.chains[self.last.camera_id]
        manifest = ClipManifest.model_validate(
            {
                "violation_id": self.last.violation_id, "snapshot": self.last.digest(), "edge_id": self.edge_id,
                "camera_id": self.last.camera_id, "sequence": last + 1, "previous": previous, "software_version": "0.1.0",
                "files": {} if content is None else {"clip.mp4": file_digest(content)}, **told,
            }
        )
        self.chains[self.last.camera_id] = (last + 1, manifest.digest())
        sealed = seal_clip(manifest, self.key).model_dump_json().encode()
        files: dict[str, object] = {"manifest": ("manifest.json", sealed, "application/json")}
        if content is not None:
            files["clip"] = ("clip.mp4", content, "video/mp4")
        headers = {"Idempotency-Key": str(manifest.violation_id)}
        return {"url": "/api/v1/edge/clips", "headers": headers, "auth": self.sign, "files": files}


async def sign_in(browser: httpx.AsyncClient, login: str) -> None:
    browser.cookies.clear()
    answer = await browser.post("/login", data={"username": login, "password": PASSWORD})
    assert answer.status_code == 303, answer.text


async def hand_in(
    browser: httpx.AsyncClient, kitchen: Kitchen, rule: str = "K01", *, ago_s: int = 5, off_s: float | None = 0.0
) -> int:
    answer = await browser.post(**kitchen.report(rule, ago_s=ago_s, off_s=off_s))  # type: ignore[arg-type]
    assert answer.status_code == 201, answer.text
    case_id: int = answer.json()["case_id"]
    return case_id


def draw() -> bytes:
    """Two figures behind a table, as JPEG: where the boxes say."""
    picture = np.full((HEIGHT, WIDTH, 3), (196, 200, 196), np.uint8)
    cv2.rectangle(picture, (0, 430), (WIDTH, HEIGHT), (150, 150, 140), -1)
    for x, hair in ((500, (30, 30, 40)), (900, (250, 250, 250))):
        cv2.rectangle(picture, (x - 60, 240), (x + 60, 520), (235, 235, 235), -1)
        cv2.circle(picture, (x, 190), 48, (120, 150, 200), -1)
        cv2.ellipse(picture, (x, 170), (50, 36), 0, 180, 360, hair, -1)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
