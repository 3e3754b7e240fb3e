"""Before the centre serves: bring the database up to date, make the first account, and set up the place of the demo."""

from dataclasses import dataclass

from pydantic import SecretStr

from api.accounts.actors import the_house
from api.accounts.service import FirstLogin, LoginTaken, first_login
from api.cameras import repository as cameras
from api.cameras.schemas import CameraIn
from api.cameras.service import update_camera
from api.cameras.tables import Camera
from api.centre import Centre
from api.edges.service import create_code
from api.evidence.countersigning import centre_key
from api.kit.database import Work
from api.kit.lock import hold_folder
from api.kit.settings import Settings
from api.migrations import upgrade
from api.places.tables import Area, Contact, District, Duty, Shop
from contract.catalogue import AreaKind, Post

# Fixed, so that a later start finds the place again whatever it has been renamed to.
DEMO_ID = "demo"


@dataclass(frozen=True)
class DemoPlace:
    """`code` is a fresh one-time code, or None where an edge watches the camera already; `rules` are the codes in force."""

    camera_id: str
    code: str | None
    edge_id: str | None
    rules: list[str]
    first_login: FirstLogin | None


async def prepare(centre: Centre) -> FirstLogin | None:
    """Migrate, and make the key that the centre signs with; in an empty database make the first account.

    The caller holds the data folder.
    """
    await upgrade(centre.database)
    async with centre.database.writing() as work:
        await centre_key(work, centre.keyring)
    try:
        async with centre.database.writing() as work:
            return await first_login(work)
    except LoginTaken:
        return None  # another centre that started on the same database was faster


async def prepare_demo(
    settings: Settings, camera_url: str, username: str | None = None, password: str | None = None,
) -> DemoPlace:
    """A 专间 of a demo shop with one camera, every post marked for gloves; later starts only point the camera to the new URL.

    Raises DataFolderBusy.
    """
    centre = Centre(settings)
    try:
        with hold_folder(settings.data):
            login = await prepare(centre)
            async with centre.database.writing() as work:
                camera = await _demo_camera(work, centre, camera_url, username, password)
                code = None
                if camera.edge_id is None:
                    code, _ = await create_code(work, the_house("demo"), settings, camera.shop_id)
                posts = frozenset(Post(post) for post in camera.posts)
                rules = [rule.code for rule in centre.catalogue.in_force(camera.area.kind, posts)]
                return DemoPlace(camera.id, code, camera.edge_id, rules, login)
    finally:
        await centre.close()


async def _demo_camera(work: Work, centre: Centre, url: str, username: str | None, password: str | None) -> Camera:
    house = the_house("demo")
    camera = await cameras.get_camera(work, house, DEMO_ID)
    if camera is None:
        await _add_demo_rows(work, url)
        camera = await cameras.get_camera(work, house, DEMO_ID)
    if camera is None:
        raise RuntimeError("the demo camera was added, but is not there")
    change = CameraIn.model_validate(
        {
            "area_id": camera.area_id, "edge_id": camera.edge_id, "name": camera.name, "url": url, "username": username,
            "password": SecretStr(password) if password is not None else None, "transport": camera.transport,
            "zone": camera.zone, "hours": camera.hours, "posts": camera.posts, "interval_s": camera.interval_s,
        }
    )
    return await update_camera(work, house, centre.keyring, DEMO_ID, change, expected_version=None, at=centre.clock())


async def _add_demo_rows(work: Work, url: str) -> None:
    work.add(District(id=DEMO_ID, name="演示区 Demo district", phone="000 0000 0000"))
    await work.flush()
    work.add(Shop(id=DEMO_ID, district_id=DEMO_ID, name="演示餐厅 Demo shop"))
    await work.flush()
    work.add(Contact(shop_id=DEMO_ID, place=0, duty=Duty.OWNER, name="演示 Demo", phone="000 0000 0000"))
    await work.flush()
    work.add(Area(id=DEMO_ID, shop_id=DEMO_ID, kind=AreaKind.SPECIAL_ROOM, name="专间 Special room"))
    await work.flush()
    posts = [Post.GLOVES_REQUIRED.value]
    work.add(Camera(id=DEMO_ID, shop_id=DEMO_ID, area_id=DEMO_ID, name="演示摄像头 Demo camera", url=url, posts=posts))
    await work.flush()
