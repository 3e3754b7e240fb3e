"""The plots of the held-out kits: the clip that ships, the event-level test, and as many drawn ones as wanted."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from simulator.drawn import drawn
from simulator.geometry import Camera
from simulator.head import Hair
from simulator.kitchen import furnish
from simulator.kits import DEMO, EVENT, Kit
from simulator.people import Clothes, Person, Wear
from simulator.plot import Plot, actors, table_post
from simulator.sensor import Sensor


def _crew(kit: Kit, hair: tuple[str, ...], clothes: tuple[tuple[str, str, str], ...]) -> list[Person]:
    """One person from each row of a kit; ``clothes`` are (style, sleeve, apron)."""
    crew = []
    for i, ((height, width, head), style, (cut, sleeve, apron)) in enumerate(zip(kit.builds, hair, clothes, strict=True)):
        worn = Clothes(cut, kit.clothes_colours[i], kit.trouser_colours[i], sleeve, apron, kit.apron_colours[i])
        crew.append(Person(height, width, head, kit.skins[i], kit.faces[i],
                           Hair(style, kit.hair_colours[i], kit.hair_volumes[i]), worn, kit.number * 1000 + i))
    return crew


def _full(kit: Kit, i: int) -> Wear:
    return Wear(kit.caps[i], kit.masks[i], "worn", (kit.glove_colours[i], kit.glove_colours[i]), None)


def demo(seed: int) -> Plot:
    """The clip that ships: a cap off, bare hands, then a mask off and a cigarette, one person each."""
    kit = DEMO
    kitchen = furnish(kit.kitchens[0], warm=0.15, strength=1.0)
    places = (-1.15, 0.0, 1.15)
    table = table_post(kitchen, places)
    camera_at = np.array([table.x - 1.15, max(0.2, table.y - 3.15), 2.45], np.float32)
    camera = Camera(camera_at, np.array([table.x - 0.05, table.y - 0.1, 1.12], np.float32), 830, 1280, 720)
    crew = _crew(kit, ("short", "bun", "crop"), (("jacket", "long", "bib"), ("jacket", "rolled", "waist"),
                                                 ("polo", "short", "bib")))
    a, b, c = (_full(kit, i) for i in range(3))
    bare = replace(c, gloves=(None, None))
    open_face = replace(b, mask=None)
    wearing = (
        ((0.0, a), (2.5, replace(a, cap=None)), (38.5, a)),
        ((0.0, b), (40.5, open_face), (50.5, replace(open_face, smoking="hand")), (64.5, open_face), (74.5, b)),
        ((0.0, c), (8.5, bare), (44.5, c)),
    )
    doing = (
        ((0.0, "plate"), (1.4, "crown"), (2.8, "plate"), (12.0, "chop"), (34.0, "plate"), (37.4, "crown"), (38.8, "plate")),
        ((0.0, "stir"), (39.3, "chin"), (40.8, "plate"), (49.1, "join"), (50.5, "smoke"), (64.5, "plate"), (73.4, "chin"),
         (74.9, "stir")),
        ((0.0, "wipe"), (7.1, "join"), (8.8, "plate"), (22.0, "wipe"), (43.1, "join"), (44.8, "wipe")),
    )
    return Plot("demo", 78.0, kitchen, camera, Sensor(exposure=1.0, blur_px=0.75, sharpen=0.35, noise=0.004, vignette=0.12),
                actors(crew, table, camera, places, doing, wearing, seed), 2.0, 28)


def event(seed: int) -> Plot:
    """The event-level test: four breaches that last, and what is none for the rules (a cap lifted for a moment, a hand
    at the mouth)."""
    kit = EVENT
    kitchen = furnish(kit.kitchens[0], warm=-0.1, strength=1.05)
    places = (-1.1, 0.0, 1.1)
    table = table_post(kitchen, places)
    camera_at = np.array([table.x + 1.05, max(0.2, table.y - 3.0), 2.5], np.float32)
    camera = Camera(camera_at, np.array([table.x + 0.05, table.y - 0.1, 1.12], np.float32), 800, 1280, 720)
    crew = _crew(kit, ("parted", "crop", "bob"), (("polo", "short", "waist"), ("jacket", "long", "bib"),
                                                  ("tshirt", "short", "bib")))
    a, b, c = (_full(kit, i) for i in range(3))
    open_face = replace(a, mask=None)
    wearing = (
        ((0.0, a), (24.0, open_face), (34.0, replace(open_face, smoking="hand")), (45.0, open_face), (54.0, a)),
        ((0.0, b), (4.0, replace(b, gloves=(None, None))), (36.0, b), (52.0, replace(b, cap=None)), (55.0, b)),
        ((0.0, c), (16.0, replace(c, cap=None)), (48.0, c)),
    )
    doing = (
        ((0.0, "chop"), (22.8, "chin"), (24.3, "plate"), (32.6, "join"), (34.0, "smoke"), (45.0, "plate"), (52.9, "chin"),
         (54.4, "chop")),
        ((0.0, "wipe"), (2.6, "join"), (4.2, "plate"), (34.6, "join"), (36.2, "wipe"), (39.0, "mouth"), (46.0, "wipe"),
         (50.9, "crown"), (55.4, "wipe")),
        ((0.0, "stir"), (14.9, "crown"), (16.3, "stir"), (46.9, "crown"), (48.3, "stir")),
    )
    return Plot("event", 64.0, kitchen, camera, Sensor(exposure=1.02, blur_px=0.8, sharpen=0.3, noise=0.004, vignette=0.15),
                actors(crew, table, camera, places, doing, wearing, seed), 2.0, 33)


PLOTS: dict[str, Callable[[int], Plot]] = {"demo": demo, "event": event, "blind": drawn}
"""by kit: a plot for a seed"""
