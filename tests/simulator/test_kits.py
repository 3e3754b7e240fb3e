"""The held-out kits share nothing with the one that is learned from."""

from itertools import combinations

import pytest

from simulator.kits import KITS, Kit

PAIRS = list(combinations(KITS.values(), 2))
# Two colours closer than this in every channel would be the same to a camera.
MIN_COLOUR_DISTANCE = 3


@pytest.fixture(params=PAIRS, ids=[f"{a.name}-{b.name}" for a, b in PAIRS])
def pair(request: pytest.FixtureRequest) -> tuple[Kit, Kit]:
    return request.param


def test_kitchens_differ(pair: tuple[Kit, Kit]) -> None:
    a, b = pair
    assert {k.name for k in a.kitchens}.isdisjoint(k.name for k in b.kitchens)
    assert {k.seed for k in a.kitchens}.isdisjoint(k.seed for k in b.kitchens)
    assert {(k.floor_tile_m, k.wall_tile_m) for k in a.kitchens}.isdisjoint((k.floor_tile_m, k.wall_tile_m) for k in b.kitchens)


def test_people_differ(pair: tuple[Kit, Kit]) -> None:
    a, b = pair
    assert set(a.builds).isdisjoint(b.builds)
    assert set(a.faces).isdisjoint(b.faces)
    assert set(a.hair_volumes).isdisjoint(b.hair_volumes)


def test_garment_shapes_differ(pair: tuple[Kit, Kit]) -> None:
    a, b = pair
    assert {(c.kind, c.size, c.shape) for c in a.caps}.isdisjoint((c.kind, c.size, c.shape) for c in b.caps)
    assert {(m.kind, m.loose) for m in a.masks}.isdisjoint((m.kind, m.loose) for m in b.masks)


def test_colours_differ(pair: tuple[Kit, Kit]) -> None:
    a, b = pair

    def channels(colour: str) -> list[int]:
        return [int(colour[i : i + 2], 16) for i in (0, 2, 4)]

    near = [(x, y) for x in a.colours() for y in b.colours()
            if max(abs(p - q) for p, q in zip(channels(x), channels(y), strict=True)) < MIN_COLOUR_DISTANCE]
    assert near == []


def test_random_numbers_differ(pair: tuple[Kit, Kit]) -> None:
    a, b = pair
    assert a.rng(7).random() != b.rng(7).random()
