"""How often people and boxes may ask; of programs see test_oauth.py."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.test_evidence_links import make, path_of, violation
from tests.api.world import World, problem_code

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BROWSER = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def limited(world: World) -> World:
    """Two requests a minute, on a clock that stands still."""
    world.centre.settings.person_requests_per_minute = world.centre.settings.box_requests_per_minute = 2
    world.centre.clock = lambda: AT
    return world


class TestPerson:
    async def test_is_told_how_much_is_left_and_when_to_ask_again(self, limited: World):
        officer, other = await limited.person(), await limited.person()
        answers = [await officer.get("/api/v1/cases") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["ratelimit"] for answer in answers[:2]] == ['"person";r=1;t=30', '"person";r=0;t=60']
        assert problem_code(answers[2]) == "rate-limited"
        assert answers[2].headers["retry-after"] == "30"
        assert "Ask again in 30 s" in answers[2].json()["detail"]
        assert (await other.get("/api/v1/cases")).status_code == 200
        limited.centre.clock = lambda: AT + timedelta(seconds=30)
        assert (await officer.get("/api/v1/cases")).status_code == 200

    async def test_what_is_refused_was_not_done(self, limited: World):
        chief = await limited.person(is_admin=True)
        answers = [await chief.post("/api/v1/districts", json={"name": f"D{number}"}) for number in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        limited.centre.clock = lambda: AT + timedelta(minutes=1)
        names = [row["name"] for row in (await chief.get("/api/v1/districts")).json()["items"]]
        assert sorted(names) == ["D0", "D1"]
        # Its key is free: the same request again is carried out.
        again = await chief.post("/api/v1/districts", content=answers[2].request.content, headers=answers[2].request.headers)
        assert again.status_code == 201

    @pytest.mark.parametrize("path", ["/cases", "/cases/list"])
    async def test_pages_count_too_and_say_it_in_words(self, limited: World, path: str):
        officer = await limited.person()
        answers = [await officer.get(path, headers=BROWSER) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "Wait a few seconds" in answers[2].text
        assert answers[2].headers["retry-after"] == "30"

    async def test_a_form_that_is_too_old_as_well(self, limited: World):
        officer = await limited.person()
        for _ in range(2):
            await officer.get("/api/v1/cases")
        form = {"csrf": "of an earlier session", "note": "What was typed"}
        answer = await officer.post("/cases/1/confirm", data=form, headers=BROWSER)
        assert answer.status_code == 429
        assert "Wait a few seconds" in answer.text


class TestLink:
    """Whoever holds one is known to nobody, and each look through it is an entry of the audit."""

    async def test_to_a_picture(self, world: World):
        place = await world.place()
        world.centre.settings.link_requests_per_minute, world.centre.clock = 2, lambda: AT
        officer, violation_id = await world.person(place=place), await violation(world, place)
        paths = [path_of(await make(officer, violation_id, file="blurred.jpg", reason=reason)) for reason in ("One.", "Another.")]
        anybody = world.client()
        assert [(await anybody.get(paths[0])).status_code for _ in range(3)] == [200, 200, 429]
        assert (await anybody.get(paths[1])).status_code == 200

    async def test_in_a_message(self, limited: World):
        limited.centre.settings.link_requests_per_minute = 2
        anybody = limited.client(headers=BROWSER)
        assert [(await anybody.get("/n/unknown")).status_code for _ in range(3)] == [404, 404, 429]


class TestBox:
    async def test_an_edge_is_told_to_wait(self, limited: World):
        place = await limited.place()
        box, other = await limited.edge(place), await limited.edge(await limited.place("Other"))
        answers = [await box.beat() for _ in range(2)]
        refused = [await box.beat(), await box.config(), await box.report()]
        assert [answer.status_code for answer in answers + refused] == [204, 204, 429, 429, 429]
        assert [(problem_code(answer), answer.headers["retry-after"]) for answer in refused] == [("rate-limited", "30")] * 3
        assert (await other.beat()).status_code == 204
        limited.centre.clock = lambda: AT + timedelta(seconds=30)
        assert (await box.report()).status_code == 201

    async def test_a_box_that_a_shop_owns_too(self, limited: World):
        box = await limited.alarm_box(await limited.place())
        answers = [await box.alarm({}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [422, 422, 429]
        assert (problem_code(answers[2]), answers[2].headers["retry-after"]) == ("rate-limited", "30")
