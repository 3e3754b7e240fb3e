from datetime import datetime, timedelta

import pytest

from api.accounts.permissions import Role
from api.kit.times import SHOP_TIME
from tests.api.test_oauth import add, told
from tests.api.world import World, problem_code

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=SHOP_TIME)


async def test_counts_what_happened_and_how_things_stand(any_world: World):
    any_world.centre.clock = lambda: NOON
    place = await any_world.place()
    box = await any_world.edge(place)
    officer = await any_world.person(place=place)
    clue, issued, dismissed = [await any_world.case(place, box) for _ in range(3)]
    for case_id, version, act, body in (
        (issued, 1, "confirm", {}), (issued, 2, "issue", {}), (dismissed, 1, "dismiss", {"reason": "test"}),
    ):
        path = f"/api/v1/cases/{case_id}/{act}"
        assert (await officer.post(path, json=body, headers={"If-Match": f'"{version}"'})).status_code == 200
    found = (await officer.get("/api/v1/statistics")).json()
    assert (found["since"], found["until"]) == ("2026-10-28", "2026-11-26")
    counted = {name: count for name, count in found["cases"].items() if count}
    assert counted == {"opened": 3, "confirmed": 1, "dismissed": 1, "issued": 1}
    assert found["cases_now"] == {"pending_review": 1, "issued": 1, "dismissed": 1}
    assert [(row["rule"], row["opened"]) for row in found["by_rule"]] == [("K01", 3)]
    assert [(row["name"], row["opened"]) for row in found["by_shop"]] == [("Shop", 3)]
    assert found["cameras_now"] == {"not_started": 1}
    assert clue


async def test_counts_by_days_of_the_shops(world: World):
    """What is done after midnight in Shanghai is of the new day, also while it is still the old one in UTC."""
    midnight = datetime(2026, 11, 26, tzinfo=SHOP_TIME)
    place = await world.place()
    box = await world.edge(place)
    for moment in (midnight - timedelta(seconds=1), midnight):
        world.centre.clock = lambda moment=moment: moment  # type: ignore[misc]
        await world.case(place, box)
    officer = await world.person()
    for day, opened in (("2026-11-25", 1), ("2026-11-26", 1)):
        found = await officer.get("/api/v1/statistics", params={"since": day, "until": day})
        assert found.json()["cases"]["opened"] == opened, day


async def test_of_what_one_may_see(world: World):
    here, elsewhere = await world.place("Here"), await world.place("Elsewhere")
    await told(world, here)
    box = await world.edge(elsewhere)
    await world.case(elsewhere, box)
    for who, opened in (
        (await world.person(), 2), (await world.person(place=here), 1),
        (await world.person(Role.STORE_OWNER, place=elsewhere), 0),
    ):
        assert (await who.get("/api/v1/statistics")).json()["cases"]["opened"] == opened
    async with (await add(world, elsewhere, scopes=["statistics:read"])).by_itself() as client:
        found = (await client.get("/api/v1/statistics")).json()
        assert (found["cases"]["opened"], found["cases"]["confirmed"], found["cases_now"]) == (0, 0, {})
        assert (await client.get("/api/v1/cases")).status_code == 403


@pytest.mark.parametrize(
    ("since", "until"), [("2026-11-02", "2026-11-01"), ("2024-01-01", "2026-01-01"), ("9999-12-31", "9999-12-31")]
)
async def test_a_period_that_is_none(world: World, since: str, until: str):
    answer = await (await world.person()).get("/api/v1/statistics", params={"since": since, "until": until})
    assert (answer.status_code, problem_code(answer)) == (422, "bad-period")
