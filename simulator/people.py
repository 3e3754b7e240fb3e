"""Who somebody is, what they wear and how they stand: plain values, no geometry."""

from dataclasses import dataclass, field

from simulator.garments import Cap, Mask
from simulator.head import Face, Hair

# Poses are given for a body of this height and scaled.
REFERENCE_HEIGHT_M = 1.74


@dataclass(frozen=True)
class Clothes:
    """``sleeve``: long, rolled, short. ``style``: jacket, tshirt, polo. ``apron``: none, bib, waist."""

    style: str
    colour: str
    trousers: str
    sleeve: str
    apron: str
    apron_colour: str
    pattern: str = "plain"


@dataclass(frozen=True)
class Person:
    """What does not change while someone works."""

    height_m: float
    width: float
    head_scale: float
    skin: str
    face: Face
    hair: Hair
    clothes: Clothes
    seed: int


@dataclass(frozen=True)
class Wear:
    """What is worn now. ``mask_state``: worn, wrong (under the chin), nose. A None is not worn.
    ``gloves`` is (left, right): a colour, ``clear`` or None. ``smoking``: None, hand, mouth."""

    cap: Cap | None = None
    mask: Mask | None = None
    mask_state: str = "worn"
    gloves: tuple[str | None, str | None] = (None, None)
    smoking: str | None = None


@dataclass(frozen=True)
class Pose:
    """Where someone stands and what the hands do. Hands are wrist positions relative to the feet, in the body's own
    frame (x right, y forward, z up), for a person of reference height; ``point`` is where the fingers point."""

    x: float
    y: float
    yaw: float
    lean: float = 0.1
    head_yaw: float = 0.0
    head_pitch: float = 0.2
    head_roll: float = 0.0
    left: tuple[float, float, float] = (-0.25, 0.3, 1.0)
    right: tuple[float, float, float] = (0.25, 0.3, 1.0)
    left_point: tuple[float, float, float] = (0.2, 1.0, -0.3)
    right_point: tuple[float, float, float] = (-0.2, 1.0, -0.3)
    left_curl: float = 0.5
    right_curl: float = 0.5
    stride: float = 0.0
    held: tuple[str, ...] = field(default_factory=tuple)
    # Where the right hand is on its way to the mouth: 0 at ``right``, 1 at the lips.
    to_mouth: float = 0.0
