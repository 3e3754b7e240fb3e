"""The guides in the console: for whoever is signed in, one's own first, and nothing in them but what the console has."""

import re
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from api.accounts.permissions import Role
from api.cases.deadlines import Deadlines
from api.console import guide as guides
from api.console.guide import Guide, guide_view
from api.console.i18n import Language
from api.console.rendering import CONTENT_SECURITY_POLICY
from api.kit.room import Room
from tests.api.world import World

ROOT = Path(__file__).parents[3]
HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("role", "own"),
    [
        (Role.STORE_OWNER, "shop"), (Role.REVIEWER, "reviewer"), (Role.CHIEF, "officer"), (Role.PARTNER, "officer"),
        (Role.INSTALLER, "administrator"), (Role.AUDITOR, "administrator"),
    ],
)
async def test_ones_own_comes_first_and_the_others_beside_it(world: World, role: Role, own: str):
    person = await world.person(role, place=await world.place())
    assert (await person.get("/help", headers=HTML)).headers["location"] == f"/help/{own}"
    found = await tabs(person, own)
    assert (found[0], {name for name, _ in found}) == ((own, ' aria-current="page"'), set(Guide) - {Guide.BACKEND})


@pytest.mark.parametrize(("role", "is_admin"), [(Role.ADMIN, False), (Role.OFFICER, True)])
async def test_who_lets_programs_in_is_shown_how_a_backend_begins(world: World, role: Role, is_admin: bool):
    person = await world.person(role, is_admin=is_admin)
    assert {name for name, _ in await tabs(person, "backend")} == set(Guide)
    assert 'href="/help/backend"' in (await person.get("/clients", headers=HTML)).text


async def tabs(person: httpx.AsyncClient, guide: str) -> list[tuple[str, str]]:
    text = (await person.get(f"/help/{guide}", headers=HTML)).text.partition('<ul class="tabs">')[2].partition("</ul>")[0]
    found: list[tuple[str, str]] = re.findall(r'href="/help/(\w+)"( aria-current="page")?>', text)
    return found


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("guide", Guide)
async def test_all_that_it_leads_to_is_there(world: World, guide: Guide, language: Language):
    person = await world.person()
    answer = await person.get(f"/help/{guide}?lang={language.value}", headers=HTML)
    assert (answer.status_code, answer.text.count("<h1"), "style=" in answer.text) == (200, 1, False)
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    article = answer.text.partition('<article class="guide">')[2]
    for name, anchor in re.findall(r'href="(?:/help/(\w+))?(?:#([^"]+))?"', article):
        assert not anchor or f'id="{unquote(anchor)}"' in guide_view(Guide(name or guide), language).body
    for url in re.findall(r'href="(?!/help/|#)([^"]*)"', article.partition("</article>")[0]):
        assert url.startswith(("https://", "/")), url
    for anchor in re.findall(r'href="#([^"]+)"', answer.text.partition("<article")[0].partition('<nav class="card')[2]):
        assert f'id="{unquote(anchor)}"' in article
    pictures = re.findall(r'<img src="([^"]*)" alt="[^"]+"', article)
    assert pictures
    for picture in pictures:
        shown = await person.get(picture)
        assert (shown.status_code, shown.headers["content-type"], shown.content[8:12]) == (200, "image/webp", b"WEBP"), picture


async def test_a_shop_without_a_notice_and_somebody_without_an_account_are_led_to_practice(world: World):
    """A browser inside of a chat has no line to type its address into."""
    shop, chief = await world.person(Role.STORE_ADMIN, place=await world.place()), await world.person(Role.CHIEF)
    led = ["/n/practice" in (await who.get("/cases?state=with_shop", headers=HTML)).text for who in (shop, chief)]
    assert led == [True, False]
    assert "/n/practice" in (await shop.get("/cases", headers=HTML)).text
    assert "/n/practice" in (await world.client().get("/login", headers=HTML)).text


async def test_every_page_leads_there(world: World):
    person = await world.person()
    for path in ("/cases", "/account", "/help/shop"):
        assert '<a href="/help">' in (await person.get(path, headers=HTML)).text
    assert "/help" not in (await world.client().get("/login", headers=HTML)).text


@pytest.mark.parametrize("language", Language)
async def test_what_is_to_be_put_in_order_leads_to_its_section(
    world: World, monkeypatch: pytest.MonkeyPatch, language: Language
):
    monkeypatch.setattr(Deadlines, "unknown_years", lambda self, at: [2027])
    world.centre.room = Room.LITTLE
    admin = await world.person(Role.ADMIN)
    page = (await admin.get(f"/account?lang={language.value}", headers=HTML)).text
    anchors = re.findall(r'href="/help/administrator#([^"]+)"', page)
    assert len(anchors) == 2
    for anchor in anchors:
        assert f'id="{unquote(anchor)}"' in guide_view(Guide.ADMINISTRATOR, language).body


@pytest.mark.parametrize(
    ("path", "part_of"),
    [
        ("/districts/{district}", "/shops"), ("/shops/new", "/shops"), ("/alarm-boxes", "/edge-boxes"),
        ("/targets/new", "/deliveries"), ("/invitations/new", "/accounts"),
    ],
)
async def test_the_menu_says_where_one_is(world: World, path: str, part_of: str):
    place = await world.place()
    admin = await world.person(Role.ADMIN)
    menu = (await admin.get(path.format(district=place.district_id), headers=HTML)).text.partition("</nav>")[0]
    assert re.findall(r'href="([^"]+)" aria-current="page"', menu) == [part_of]


@pytest.mark.parametrize("path", ["/help", "/help/shop", "/help/pictures/review.zh.webp"])
async def test_not_without_signing_in(world: World, path: str):
    assert (await world.client().get(path)).status_code == 401


@pytest.mark.parametrize("name", ["nothing.webp", "wide.png", "..%2F..%2Fpyproject.toml", "%2Fetc%2Fpasswd"])
async def test_no_picture_but_those_of_the_guides(world: World, name: str):
    person = await world.person()
    assert (await person.get(f"/help/pictures/{name}")).status_code in (404, 405)


def test_html_in_a_guide_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "guide").mkdir()
    hostile = "# Shop\n\n[en](shop.md) · [all](README.md)\n\n## A <b>b</b>\n\n<script>\n\n[x](javascript:x) [y](../api.md)\n"
    (tmp_path / "guide" / "shop.zh-CN.md").write_text(hostile, encoding="utf-8")
    monkeypatch.setattr(guides, "_docs", lambda: tmp_path)
    guide_view.cache_clear()
    try:
        body = guide_view(Guide.SHOP, Language.ZH).body
    finally:
        guide_view.cache_clear()
    assert ("<script" in body, "<b>" in body, 'href="javascript' in body, "README" in body) == (False, False, False, False)
    assert "y (docs/api.md)" in body
