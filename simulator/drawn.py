"""Plots that are drawn: another kitchen, camera, crew and story for each seed, from a kit that nothing is trained on."""

from dataclasses import dataclass, field, replace

import numpy as np

from simulator.geometry import Camera
from simulator.kitchen import furnish
from simulator.kits import BLIND
from simulator.people import Wear
from simulator.plot import Plot, actors, table_post
from simulator.sensor import Sensor
from simulator.stills import draw_person

# Every breach lasts its rule's hold time and six seconds more at least (20 s, 15 s and 20 s; smoking 3 s of sure looks).
BARE_S, SMOKING_S = (26.0, 36.0), (9.0, 14.0)
FULL_LOOKS_S = (5.0, 10.0)
"""before, between and after breaches"""
KEY_INTERVAL_S = 2.0
WORK = ("chop", "stir", "wipe", "plate")
# Where two and three people stand along the table, in metres from its middle.
PLACES = ((-0.7, 0.7), (-1.15, 0.0, 1.15))


@dataclass
class Story:
    """What one person does and wears, told from its beginning; ``now`` is where it has come to, in seconds."""

    full: Wear
    work: str
    doing: list[tuple[float, str]] = field(default_factory=list)
    wearing: list[tuple[float, Wear]] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.doing.append((0.0, self.work))
        self.wearing.append((0.0, self.full))

    def change(self, wear: Wear, hands: str, then: str) -> None:
        """Hands go to the garment, it changes, and work goes on."""
        self.doing += [(self.now - 1.2, hands), (self.now + 0.3, then)]
        self.wearing.append((self.now, wear))

    def breach(self, rng: np.random.Generator, wear: Wear, hands: str, lasts: tuple[float, float]) -> None:
        self.change(wear, hands, "plate")
        self.now += float(rng.uniform(*lasts))
        self.change(self.full, hands, self.work)

    def smoke(self, rng: np.random.Generator) -> None:
        """The mask goes, later a cigarette comes and goes, and the mask comes back."""
        open_face = replace(self.full, mask=None)
        self.change(open_face, "chin", "plate")
        self.now += float(rng.uniform(*FULL_LOOKS_S)) + 2
        self.change(replace(open_face, smoking="hand"), "join", "smoke")
        self.now += float(rng.uniform(*SMOKING_S))
        self.doing.append((self.now, "plate"))
        self.wearing.append((self.now, open_face))
        self.now += float(rng.uniform(*FULL_LOOKS_S))
        self.change(self.full, "chin", self.work)

    def harmless(self, rng: np.random.Generator) -> None:
        """What is no breach for the rules: a hand at the mouth, or a cap lifted for a moment."""
        if rng.random() < 0.6:
            self.doing += [(self.now, "mouth"), (self.now + float(rng.uniform(4, 7)), self.work)]
            self.now += 7
        else:
            self.change(replace(self.full, cap=None), "crown", "crown")
            self.now += float(rng.uniform(2, 3))
            self.change(self.full, "crown", self.work)


def drawn(seed: int) -> Plot:
    """Two or three people behind a table: each rule is broken once, by whom and when is drawn."""
    kit = BLIND
    rng = kit.rng(seed)
    kitchen = furnish(kit.kitchens[rng.integers(len(kit.kitchens))], float(rng.normal(0, 0.25)), float(rng.uniform(0.9, 1.15)))
    places = tuple(x + float(rng.normal(0, 0.06)) for x in PLACES[rng.integers(len(PLACES))])
    table = table_post(kitchen, places)
    camera_at = np.array([np.clip(table.x + rng.uniform(-1.6, 1.6), 0.2, kitchen.width - 0.2),
                          max(0.2, table.y - rng.uniform(2.7, 3.4)), rng.uniform(2.2, 2.6)], np.float32)
    camera = Camera(camera_at, np.array([table.x, table.y - 0.1, 1.12], np.float32), float(rng.uniform(600, 880)), 1280, 720,
                    roll=float(rng.normal(0, 0.015)))
    stories = []
    for _ in places:
        gloves = kit.glove_colours[rng.integers(len(kit.glove_colours))]
        cap, mask = kit.caps[rng.integers(len(kit.caps))], kit.masks[rng.integers(len(kit.masks))]
        stories.append(Story(Wear(cap, mask, "worn", (gloves, gloves)), WORK[rng.integers(len(WORK))]))
    for index, breach in enumerate(rng.permutation(["cap", "gloves", "smoke"])):
        story = stories[index % len(stories)]
        story.now += float(rng.uniform(*FULL_LOOKS_S))
        if rng.random() < 0.5:
            story.harmless(rng)
            story.now += float(rng.uniform(*FULL_LOOKS_S))
        if breach == "cap":
            story.breach(rng, replace(story.full, cap=None), "crown", BARE_S)
        elif breach == "gloves":
            story.breach(rng, replace(story.full, gloves=(None, None)), "join", BARE_S)
        else:
            story.smoke(rng)
    ends = max(story.now for story in stories) + FULL_LOOKS_S[0]
    warm = float(rng.normal(0, 0.03))
    sensor = Sensor(exposure=float(rng.uniform(0.85, 1.1)), cast=(1 - warm, 1.0, 1 + warm),
                    contrast=float(rng.uniform(0.9, 1.1)), saturation=float(rng.uniform(0.8, 1.1)),
                    blur_px=float(rng.uniform(0.6, 1.0)), noise=float(rng.uniform(0.002, 0.008)),
                    vignette=float(rng.uniform(0.05, 0.2)))
    crew = [draw_person(kit, rng) for _ in places]
    doing, wearing = (tuple(tuple(getattr(story, name)) for story in stories) for name in ("doing", "wearing"))
    return Plot("blind", KEY_INTERVAL_S * float(np.ceil(ends / KEY_INTERVAL_S)), kitchen, camera, sensor,
                actors(crew, table, camera, places, doing, wearing, int(rng.integers(2**20))), KEY_INTERVAL_S, 28)
