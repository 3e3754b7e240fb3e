import base64
import re

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.api.console.kitchen import Kitchen, sign_in


async def test_code_is_shown_with_the_command(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    assert f'<option value="{kitchen.shop_id}">' in (await browser.get("/edge-boxes/new")).text
    page = (await browser.post("/edge-boxes/new", data={"shop_id": kitchen.shop_id})).text
    assert "sunshine edge enroll --centre http://centre --code " in page
    assert "登记码只能用一次" in page


async def test_for_a_shop_that_is_none(browser: httpx.AsyncClient) -> None:
    await sign_in(browser, "installer")
    assert (await browser.post("/edge-boxes/new", data={"shop_id": "elsewhere"})).status_code == 404


async def test_an_installers_box_waits_for_the_button(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "installer")
    made = (await browser.post("/edge-boxes/new", data={"shop_id": kitchen.shop_id})).text
    assert "批准之前不会得到任何摄像头" in made
    found = re.search(r"--code (\w+)", made)
    assert found is not None
    key = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    sealing = base64.b64encode(X25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    body = {"code": found[1], "public_key": key, "encryption_key": sealing, "name": "<新盒>", "software_version": "1"}
    edge_id = (await browser.post("/api/v1/edges/enroll", json=body)).json()["edge_id"]
    listed = (await browser.get("/edge-boxes")).text
    assert "待批准" in listed
    assert "&lt;新盒&gt;" in listed
    assert f"/edge-boxes/{edge_id}/approve" not in listed
    assert (await browser.post(f"/edge-boxes/{edge_id}/approve")).status_code == 403
    await sign_in(browser, "store")
    assert f"/edge-boxes/{edge_id}/approve" in (await browser.get("/edge-boxes")).text
    answer = await browser.post(f"/edge-boxes/{edge_id}/approve")
    assert (answer.status_code, answer.headers["location"]) == (303, "/edge-boxes")
    assert "待批准" not in (await browser.get("/edge-boxes")).text


async def test_revoked_for_good(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "officer")
    for _ in range(2):  # a form that is sent twice
        assert (await browser.post(f"/edge-boxes/{kitchen.edge_id}/revoke")).status_code == 303
    listed = (await browser.get("/edge-boxes")).text
    assert "已撤销" in listed
    assert "/revoke" not in listed
    answer = await browser.post(f"/edge-boxes/{kitchen.edge_id}/approve")
    assert answer.status_code == 409
    assert "已被改动" in answer.text


async def test_is_closed_to_who_only_reads(browser: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await sign_in(browser, "reviewer")
    assert (await browser.get("/edge-boxes/new")).status_code == 403
    assert (await browser.post("/edge-boxes/new", data={"shop_id": kitchen.shop_id})).status_code == 403
