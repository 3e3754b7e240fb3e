"""A cook adds a camera: a real browser, a real centre, an edge with the shipped weights, and a camera with a password."""

import re
import threading
from collections.abc import Iterator
from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from ingest.centre import Centre
from ingest.pipe import Setup
from ingest.rtsp_server import RtspServer, running
from ingest.trying import Trials
from tests.api.console.chromium import DESKTOP, PHONE, LiveCentre, OpenPage
from tests.ingest.onvif_device import in_the_network, matches

pytestmark = pytest.mark.browser
PASSWORD = "后厨p%@:/8"


@pytest.fixture
def camera() -> Iterator[str]:
    """host:port; the stream is where Ezviz has it."""
    clip = str(files("configs") / "demo" / "kitchen.mp4")
    server = RtspServer(
        clip, mount="/h264/ch1/main/av_stream", username="admin", password=PASSWORD, auth="digest"
    )
    with running(server):
        yield f"127.0.0.1:{server.port}"


@pytest.fixture
def edge(centre: LiveCentre) -> Iterator[None]:
    kitchen = centre.kitchen
    kitchen.settings.loopback_cameras = True
    kitchen.settings.trial_wait_s = 2  # so long the end waits for what is being asked
    client = Centre(centre.url, kitchen.edge_id, kitchen.key)
    trials = Trials(client, Setup(kitchen.encryption_key.private_bytes_raw(), None, 1), allow_loopback=True)
    thread = threading.Thread(target=trials.run)
    thread.start()
    yield
    trials.stop()
    thread.join(60)
    client.close()
    assert not thread.is_alive()


def fill(page: Page, maker: str, address: str, password: str) -> None:
    page.get_by_label(maker).check()
    page.get_by_label("IP 地址").fill(address)
    page.get_by_label("摄像头密码").fill(password)
    page.get_by_role("button", name="打开摄像头").click()


@pytest.mark.parametrize(("viewport", "scripts"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "without-scripts"])
def test_a_cook_adds_a_camera(
    centre: LiveCentre, edge: None, camera: str, open_page: OpenPage, viewport: dict[str, int], scripts: bool
) -> None:
    page = open_page("store", "/cameras", viewport=viewport, java_script_enabled=scripts)
    page.get_by_role("link", name="添加摄像头").click()

    fill(page, "萤石 EZVIZ", camera, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("用户名或密码不对")
    page.get_by_label("摄像头密码").fill(PASSWORD)
    page.get_by_role("button", name="再试一次").click()

    picture = page.get_by_role("img", name="摄像头的画面，人脸已模糊")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 960
    expect(page.locator("[data-live-controls]")).to_be_hidden()
    expect(page.locator("#people ~ ul li").first).to_contain_text(re.compile("头高 \\d+ 像素"))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("烹饪区").check()
    page.get_by_role("button", name="添加这台摄像头").click()

    expect(page.get_by_text("摄像头已添加")).to_be_visible()
    expect(page.get_by_role("heading", name="烹饪区 1")).to_be_visible()
    assert PASSWORD not in page.content()


@pytest.mark.parametrize(("viewport", "scripts"), [(PHONE, True), (DESKTOP, False)], ids=["phone", "without-scripts"])
def test_a_cook_who_does_not_know_the_address_has_the_camera_found(
    monkeypatch: pytest.MonkeyPatch, centre: LiveCentre, edge: None, open_page: OpenPage, viewport: dict[str, int], scripts: bool
) -> None:
    page = open_page("store", "/cameras/trials/new", viewport=viewport, java_script_enabled=scripts)

    wide = matches("onvif://www.onvif.org/name/" + 60 * "x")
    with in_the_network(monkeypatch, ("127.0.0.9", matches()), ("127.0.0.10", wide)):
        page.get_by_role("button", name="在本店网络里找摄像头").click()
        expect(page.get_by_text("HIKVISION DS-2CD2032-I")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name="选这台 127.0.0.9").click()

    expect(page.get_by_label("摄像头密码")).to_be_focused()
    expect(page.get_by_label("IP 地址")).to_have_value("127.0.0.9")
    expect(page.get_by_text("厂家：海康威视 Hikvision")).to_be_visible()
    page.get_by_label("摄像头密码").fill(PASSWORD)
    page.get_by_role("button", name="打开摄像头").click()
    # Nothing listens there: the edge has been at the very address.
    expect(page.get_by_role("alert")).to_be_visible()
