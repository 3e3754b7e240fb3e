"""What each kit of pictures is made of. The held-out kits share nothing with ``train``.

``demo`` is the clip that ships, ``event`` the event-level test, ``blind`` what clips are drawn from that nobody looks at.
Each colour, shape, face, build, kitchen and random seed belongs to one kit only (``tests/simulator/test_kits.py``), so that
what the model meets there it has never seen.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from simulator.garments import Cap, Mask
from simulator.head import Face
from simulator.kitchen import KitchenStyle


@dataclass(frozen=True)
class Kit:
    """Pools to draw from. ``builds`` are (height in m, relative width, relative head size)."""

    name: str
    number: int
    kitchens: tuple[KitchenStyle, ...]
    builds: tuple[tuple[float, float, float], ...]
    skins: tuple[str, ...]
    faces: tuple[Face, ...]
    hair_colours: tuple[str, ...]
    hair_volumes: tuple[float, ...]
    clothes_colours: tuple[str, ...]
    trouser_colours: tuple[str, ...]
    apron_colours: tuple[str, ...]
    caps: tuple[Cap, ...]
    masks: tuple[Mask, ...]
    glove_colours: tuple[str, ...]

    def rng(self, *seed: int) -> np.random.Generator:
        """Random numbers of this kit alone: another kit's never repeat them, whatever the seed."""
        return np.random.default_rng([self.number, *seed])

    def colours(self) -> set[str]:
        styles = {c for k in self.kitchens for c in (k.wall, k.wall_tile, k.floor, k.cabinet, k.accent)}
        worn = {c.colour for c in self.caps} | {m.colour for m in self.masks}
        return styles | worn | {*self.skins, *self.hair_colours, *self.clothes_colours, *self.trouser_colours,
                                *self.apron_colours, *(g for g in self.glove_colours if g != "clear")}


FACE_RANGES = {"eye_distance": (0.9, 1.1), "nose": (0.75, 1.25), "jaw": (0.8, 1.3), "lips": (0.75, 1.3), "brows": (0.6, 1.6),
               "age": (0.0, 1.0)}


def _train_kitchens() -> tuple[KitchenStyle, ...]:
    walls = ("e4e4de", "d6dad8", "ece6d8", "cfd6da", "dadfd2", "f0eeea", "c8c6be", "e0d4c4")
    tiles = ("eaece8", "d9dfe2", "f2f0ea", "c4d0d4", "e2dccb", "b9c7c0", "dfe6ea", "cdbfae", "f6f6f4", "aab4ba")
    floors = ("85888a", "9a7460", "6b6f72", "b0aca2", "7d5a48", "a8b0b2", "55585c", "8e9a90", "c2bcae")
    cabinets = ("9aa4ab", "c9ccce", "7c868c", "d8d4ca", "5f6d78", "a5814f")
    accents = ("b23a2e", "2f6f4d", "2c4f8a", "c9962b", "7a2f5a", "38383c", "d0622a")
    return tuple(
        KitchenStyle(f"train{i}", walls[i % 8], tiles[(i * 3) % 10], floors[(i * 5) % 9], cabinets[(i * 7) % 6],
                     accents[(i * 4) % 7], (0.2, 0.3, 0.4, 0.6, 0.15)[i % 5], (0.1, 0.15, 0.2, 0.3, 0.25, 0.075)[i % 6],
                     1000 + i)
        for i in range(60)
    )


def _train_faces() -> tuple[Face, ...]:
    rng = np.random.default_rng(4711)
    faces = []
    for _ in range(40):
        lengths = {name: round(float(rng.uniform(*limits)), 2) for name, limits in FACE_RANGES.items()}
        faces.append(Face(**lengths, stubble=float(rng.choice([0, 0, 0.3, 0.7]))))
    return tuple(faces)


def _train_caps() -> tuple[Cap, ...]:
    whites = ("f4f4f2", "fafafa", "e8e6e0", "eef1f4")
    mixed = ("1d1f24", "24324e", "7d2a28", "35553f", "c8352c", "50545a", "d9a23a", "101012", "8c6a48", "b9bec4")
    caps = []
    for i, (size, shape) in enumerate(((0.06, 0.2), (0.09, 0.5), (0.12, 0.1), (0.14, 0.8), (0.17, 0.4), (0.2, 0.3),
                                       (0.1, 1.0), (0.22, 0.7))):
        caps += [Cap("toque", whites[i % 4], size, shape), Cap("toque", whites[(i + 1) % 4], size, shape)]
    caps += [Cap("toque", "1d1f24", 0.09, 0.5), Cap("toque", "c8352c", 0.12, 0.1)]
    for i, colour in enumerate((*mixed, *whites, *mixed)):
        caps.append(Cap("skull", colour, (0.0, 0.012, 0.026)[i % 3], (0.1, 0.45, 0.9)[i // 3 % 3]))
    for i, colour in enumerate((*mixed, "f4f4f2", "eef1f4")):
        caps.append(Cap("baseball", colour, (0.0, 0.008, 0.018)[i % 3], (0.2, 0.6, 1.0)[i % 3]))
    for i, colour in enumerate(("fafafa", "a9cbe6", "8fd0b8", "f4f4f2", "e6b4c4", "78b2dc", "eef1f4", "c4dced")):
        for size, shape in ((0.014, 0.2), (0.026, 0.7), (0.04, 0.4)):
            caps.append(Cap("bouffant", colour, size + 0.001 * (i % 3), shape))
    for colour in ("101012", "2c1e14", "fafafa", "e8e6e0", "24324e", "8c6a48"):
        caps += [Cap("hairnet", colour, 0.008, 0.3), Cap("hairnet", colour, 0.018, 0.8)]
    for i, colour in enumerate((*mixed[:6], "f4f4f2")):
        caps.append(Cap("bandana", colour, 0.004 + 0.004 * (i % 2), 0.5))
    for colour in (*whites, "b9bec4", "24324e"):
        caps.append(Cap("paper", colour, 0.02, 0.3))
        caps.append(Cap("paper", colour, 0.05, 0.7))
    return tuple(caps)


TRAIN = Kit(
    name="train", number=1, kitchens=_train_kitchens(),
    builds=tuple((h, w, s) for h in (1.52, 1.58, 1.63, 1.68, 1.73, 1.79, 1.86) for w, s in
                 ((0.88, 1.0), (0.97, 1.03), (1.06, 0.97), (1.18, 1.05), (1.32, 1.0))),
    skins=("e6bd98", "d9a981", "c79870", "b98560", "f0cdb0", "a87350", "8a5a3c", "dcb190", "cf9f7c", "6b4530", "e2b491",
           "f3d5bd"),
    faces=_train_faces(),
    hair_colours=("1a1614", "0e0e10", "2a2018", "3a2a1c", "55402c", "8d8780", "c0bcb4", "241a1e", "6e4a2a", "15181c"),
    hair_volumes=(0.006, 0.010, 0.014, 0.019, 0.026),
    clothes_colours=("f2f2f0", "e8e8ea", "fbfbf8", "dfe2e6", "2a3040", "1b1c1f", "b4463c", "5a6a7a", "8aa0b4", "3c5a48",
                     "7a2e34", "c9ced4", "a9b7a4", "d6c8ae", "e0d9e4", "456a9c", "c98a3c", "6a5a50"),
    trouser_colours=("23252b", "15161a", "3a3f4a", "5a5d62", "d8d8d4", "4a3c34", "2c3a55", "7c8088"),
    apron_colours=("2c3a56", "f0f0ec", "161618", "7a2a2c", "3f5a44", "8d7656", "c3c8cc", "4c4f55", "b03c30", "dcd4c2"),
    caps=_train_caps(),
    masks=tuple(Mask(kind, colour, loose) for kind, colours in
                (("pleated", ("8fb9dc", "f0f2f2", "a6cfe0", "9fd0bc", "1c1c20", "e9bccb", "7fa9d6", "cfe2ee")),
                 ("cup", ("f6f6f2", "e4e8ea", "2a2a2e")), ("cloth", ("1a1a1e", "4a5568", "d8d4ce", "7a3030", "f8f8f8")))
                for colour in colours for loose in (0.002, 0.006, 0.010)),
    glove_colours=("3a6ea8", "2f5f9c", "f2f2f0", "e6e8ea", "17181b", "clear", "clear", "4f8fd0", "a8c4dc", "d8cbb0", "c9dbe6",
                   "7a4f8a", "3f9a6a", "e8a03a"),
)

DEMO = Kit(
    name="demo", number=2,
    kitchens=(KitchenStyle("demo", "e7e2d2", "d2dcd6", "7a7672", "8795a0", "a5472b", 0.33, 0.24, 9001),),
    builds=((1.70, 1.01, 1.02), (1.76, 1.10, 1.01), (1.66, 0.94, 1.04)),
    skins=("ddb08a", "d3a27c", "e9c3a2"),
    faces=(Face(1.01, 0.985, 1.015, 1.005, 1.105, 0.0, 0.215), Face(0.975, 1.085, 1.125, 0.965, 1.335, 0.25, 0.515),
           Face(1.025, 0.905, 0.935, 1.095, 0.915, 0.0, 0.115)),
    hair_colours=("1c1a19", "12100e", "2e2219"),
    hair_volumes=(0.012, 0.016, 0.0225),
    clothes_colours=("ebebe4", "e2e6ee", "34435c"),
    trouser_colours=("2b2d33", "1e2028", "43474f"),
    apron_colours=("26406a", "f4f1e6", "5c2f33"),
    caps=(Cap("toque", "f7f5ee", 0.105, 0.36), Cap("bouffant", "b2d2ea", 0.0235, 0.55), Cap("skull", "2b3a5a", 0.018, 0.27)),
    masks=(Mask("pleated", "98bfdf", 0.0045), Mask("pleated", "f3f5f8", 0.0053), Mask("cup", "eeeee6", 0.0035)),
    glove_colours=("3468a2", "5b9ad6", "ececec"),
)

EVENT = Kit(
    name="event", number=3,
    kitchens=(KitchenStyle("event", "d2d8cc", "e6ded2", "93857a", "b2b6b0", "2a5f7d", 0.45, 0.17, 9501),),
    builds=((1.69, 0.99, 0.99), (1.75, 1.13, 1.02), (1.61, 0.91, 1.01)),
    skins=("d5a780", "e4b998", "c08e68"),
    faces=(Face(0.985, 1.035, 0.985, 1.055, 0.985, 0.0, 0.335), Face(1.035, 0.945, 1.075, 0.925, 1.215, 0.4, 0.635),
           Face(0.955, 1.115, 0.905, 1.135, 0.815, 0.0, 0.185)),
    hair_colours=("201c1b", "0a0b0d", "33261e"),
    hair_volumes=(0.009, 0.0175, 0.021),
    clothes_colours=("f6f4ea", "d4dae0", "51616e"),
    trouser_colours=("303338", "1a1b24", "4f545e"),
    apron_colours=("1f2f4a", "e6ecea", "6b3a2c"),
    caps=(Cap("toque", "fdfbf4", 0.13, 0.55), Cap("baseball", "2f4a66", 0.012, 0.42), Cap("bouffant", "cfe6f2", 0.031, 0.3)),
    masks=(Mask("pleated", "86b2d2", 0.0038), Mask("pleated", "e6edf0", 0.0066), Mask("cloth", "22252f", 0.0047)),
    glove_colours=("2a5a94", "fbf6f0", "1d2324"),
)



def _apart(colours: tuple[str, ...], *others: Kit) -> tuple[str, ...]:
    """The same colours, each moved as little as makes it another colour to a camera than any of the other kits'."""
    theirs = np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for kit in others for c in kit.colours()])
    steps = sorted(product((0, 4, -4, 8, -8, 12, -12), repeat=3), key=lambda step: sum(map(abs, step)))
    found = []
    for colour in colours:
        wanted = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)])
        moved = (wanted + step for step in steps)
        best = next(m for m in moved if m.min() >= 0 and m.max() < 256 and np.abs(theirs - m).max(1).min() >= 3)
        found.append("".join(f"{v:02x}" for v in best))
    return tuple(found)


def _blind() -> Kit:
    def away(*colours: str) -> tuple[str, ...]:
        return _apart(colours, TRAIN, DEMO, EVENT)

    rng = np.random.default_rng(8807)
    walls, tiles = away("e2dfd6", "d4dcda", "e6e4e6", "cbc9bf"), away("e0e2de", "cfd9d6", "ece4d4", "b4bec2", "f4f2ec")
    floors, cabinets = away("7e8284", "927058", "a4a69e", "625c58", "bab2a4"), away("8f9ba4", "c2c4c2", "6e7a80", "b09470")
    accents = away("a8443a", "3a7a58", "3a5c94", "bc8a34", "6a4460")
    masks = [("pleated", c) for c in away("8cb4d8", "eef0f0", "a2cad8", "98ccb4", "dcb4c4")]
    masks += [("cup", c) for c in away("f0eee6", "dfe4e4")] + [("cloth", c) for c in away("222428", "505a6a", "d2ccc4")]
    caps = [Cap("toque", c, s, h) for c in away("f6f4ee", "ecebe4") for s, h in ((0.08, 0.24), (0.115, 0.64), (0.155, 0.45))]
    caps += [Cap("skull", c, 0.015, h) for c, h in zip(away("22262e", "2c3c58", "80342f", "b4b8be", "eceae6"),
                                                        (0.15, 0.4, 0.85, 0.3, 0.6), strict=True)]
    caps += [Cap("baseball", c, 0.015, h) for c, h in zip(away("1c1e22", "2a4468", "a83a30", "e8e8e6"),
                                                          (0.3, 0.5, 0.8, 0.4), strict=True)]
    caps += [Cap("bouffant", c, s, 0.47) for c in away("f4f6f8", "a4c6e2", "94ccb8", "dfb8c4") for s in (0.019, 0.034)]
    # Light ones alone: on hair of its own colour a net is seen by no camera under a ceiling.
    caps += [Cap("hairnet", c, 0.013, 0.55) for c in away("f4f4f4", "dcd8d0")]
    caps += [Cap("bandana", c, 0.006, 0.62) for c in away("24283a", "8a3032", "e6e6e2")]
    caps += [Cap("paper", c, 0.035, 0.52) for c in away("f2f2ee", "e4e2d8")]
    return Kit(
        name="blind", number=5,
        kitchens=tuple(KitchenStyle(f"blind{i}", walls[i % 4], tiles[i % 5], floors[i * 3 % 5], cabinets[i % 4], accents[i % 5],
                                    (0.25, 0.36, 0.5)[i % 3], (0.12, 0.18, 0.27, 0.21)[i % 4], 9901 + i) for i in range(24)),
        builds=tuple((h, w, s) for h in (1.55, 1.62, 1.67, 1.72, 1.78, 1.83)
                     for w, s in ((0.9, 1.01), (1.0, 0.98), (1.12, 1.02))),
        skins=away("e3b892", "d6a67e", "c49570", "b48260", "ecc8aa", "a27250"),
        faces=tuple(Face(**{name: round(float(rng.uniform(*limits)), 3) for name, limits in FACE_RANGES.items()},
                         stubble=float(rng.choice([0, 0, 0.25, 0.6]))) for _ in range(24)),
        hair_colours=away("1e1a18", "121214", "2e241c", "403022", "8a847c"),
        hair_volumes=(0.0075, 0.0115, 0.0165, 0.0205),
        clothes_colours=away("f0f0ec", "e6e8ea", "2e3648", "20242a", "6a7a88", "c6ccd2", "446a8c", "7e3c40", "d2c6ae"),
        trouser_colours=away("282a30", "1a1c20", "424650", "565a60"),
        apron_colours=away("2a3a5a", "ecebe6", "1c1c20", "74302e", "44604e", "585c60"),
        caps=tuple(caps), masks=tuple(Mask(kind, colour, loose) for kind, colour in masks for loose in (0.0031, 0.0063)),
        glove_colours=away("3868a6", "f0f0ee", "5690cc", "1c1e22", "8a5a9a", "48a074"),
    )


BLIND = _blind()

KITS = {kit.name: kit for kit in (TRAIN, DEMO, EVENT, BLIND)}
