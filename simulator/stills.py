"""Training stills: many kitchens, cameras, people and faults, with labels in the form of the public data sets."""

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from simulator.figure import Look, build
from simulator.garments import Cap
from simulator.geometry import Camera, Part
from simulator.head import Hair
from simulator.kitchen import Kitchen, Station, furnish
from simulator.kits import KITS, Kit
from simulator.people import Clothes, Person, Pose, Wear
from simulator.poses import walk, work
from simulator.raycast import shoot
from simulator.render import Frame, draw_figure
from simulator.sensor import Sensor, compress, expose
from simulator.smoke import puff
from simulator.truth import PersonTruth, person_truth

WIDTH, HEIGHT = 960, 540
CAP_MIN_PX = 40
"""width of a head whose cap is worth cutting out"""
# Casting rays at a kitchen costs as much as three people do: other people come into the same picture of it.
STILLS_PER_SCENE = 3
BALD = 0.13
"""more than in life: a smooth bare scalp is what is most like a cap, and public pictures show few"""
NAMES = ("person", "head_bare", "head_hat", "face_mask", "face_no_mask", "mask_wrong", "hand_bare", "hand_glove", "cigarette")
LICENCE = "AGPL-3.0-or-later (rendered by this project)"
FACE_CLASS = {"worn": 3, "missing": 4, "wrong": 5}
# The words of the public sets for kinds of hats.
HAT_KIND = {
    "toque": "toque", "paper": "toque", "hairnet": "hairnet/bouffant/surgical", "bouffant": "hairnet/bouffant/surgical",
    "skull": "cap (peaked, beanie, beret, skull, visor)", "baseball": "cap (peaked, beanie, beret, skull, visor)",
    "bandana": "other (brim hat, headscarf, fur)",
}


@dataclass
class Still:
    """A finished picture, uint8 BGR [540, 960, 3], and who is on it."""

    picture: np.ndarray
    ids: np.ndarray
    """as Frame's"""
    people: list[PersonTruth]
    scene: str


def draw_person(kit: Kit, rng: np.random.Generator, bald: float = 0.05) -> Person:
    """Somebody out of a kit's pools; `bald` is the chance that there is no hair."""
    height, width, head = kit.builds[rng.integers(len(kit.builds))]
    hairy = np.array([0.24, 0.14, 0.16, 0.12, 0.08, 0.11, 0.1]) * (1 - bald) / 0.95
    style = str(rng.choice(["short", "crop", "parted", "bob", "long", "bun", "ponytail", "bald"], p=[*hairy, bald]))
    face = kit.faces[rng.integers(len(kit.faces))]
    if style in ("bob", "long", "bun", "ponytail"):
        face = replace(face, stubble=0.0)
    clothes = Clothes(
        style=str(rng.choice(["jacket", "tshirt", "polo"], p=[0.6, 0.2, 0.2])),
        colour=_pick(rng, kit.clothes_colours), trousers=_pick(rng, kit.trouser_colours),
        sleeve=str(rng.choice(["long", "rolled", "short"], p=[0.5, 0.25, 0.25])),
        apron=str(rng.choice(["none", "bib", "waist"], p=[0.3, 0.4, 0.3])), apron_colour=_pick(rng, kit.apron_colours),
        pattern=str(rng.choice(["plain", "stripes", "check"], p=[0.85, 0.08, 0.07])))
    hair = Hair(style, _pick(rng, kit.hair_colours), float(rng.choice(kit.hair_volumes)))
    return Person(height, width, head, _pick(rng, kit.skins), face, hair, clothes, int(rng.integers(2**31)))


def _pick(rng: np.random.Generator, values: tuple[str, ...]) -> str:
    return values[rng.integers(len(values))]


def draw_wear(kit: Kit, rng: np.random.Generator, action: str) -> Wear:
    """What somebody wears, each thing about as often missing as worn."""
    kinds = sorted({cap.kind for cap in kit.caps})
    kind = str(rng.choice(kinds))
    caps: list[Cap] = [cap for cap in kit.caps if cap.kind == kind]
    cap = caps[rng.integers(len(caps))] if rng.random() < 0.6 else None
    state = str(rng.choice(["worn", "none", "wrong", "nose"], p=[0.42, 0.34, 0.15, 0.09]))
    if action in ("smoke", "drink", "taste") and state in ("worn", "nose"):
        state = str(rng.choice(["none", "wrong"], p=[0.7, 0.3]))
    mask = None if state == "none" else kit.masks[rng.integers(len(kit.masks))]
    glove = _pick(rng, kit.glove_colours)
    both = float(rng.random())
    gloves = (glove, glove) if both < 0.45 else (None, None) if both < 0.9 else (glove, None) if both < 0.95 else (None, glove)
    smoking = None
    if action == "smoke":
        smoking = "mouth" if rng.random() < 0.3 else "hand"
    elif action in ("rest", "crossed", "plate") and rng.random() < 0.07:
        smoking = "hand" if action != "crossed" and rng.random() < 0.5 else "mouth"
    if smoking == "mouth" and mask is not None and state == "worn":
        mask = None
    return Wear(cap, mask, state if mask is not None else "worn", gloves, smoking)


def draw_camera(kitchen: Kitchen, rng: np.random.Generator, at: list[Station]) -> Camera:
    """A camera under the ceiling by the near wall, or now and then nearer and lower, aimed at the people."""
    w, d, h = kitchen.width, kitchen.depth, kitchen.height
    x = float(rng.choice([0.12, 0.88, rng.uniform(0.2, 0.8)])) * w
    position = np.array([x, rng.uniform(0.1, 0.5), rng.uniform(2.1, h - 0.15)], np.float32)
    if rng.random() < 0.2:
        position[2] = rng.uniform(1.6, 2.1)
    if at:
        s = at[rng.integers(len(at))]
        centre = np.array([s.x, s.y, 1.3]) * 0.75 + 0.25 * np.array([w / 2, d * 0.5, 1.1])
    else:
        centre = np.array([w / 2, d * 0.55, 0.9])
    target = (centre + rng.normal(0, 0.22, 3)).astype(np.float32)
    # A head is about 24 cm high: the focal length follows from how large heads shall be.
    distance = float(np.linalg.norm(target - position))
    wish = float(np.exp(rng.uniform(np.log(17), np.log(115))))
    focal = float(np.clip(wish * distance / 0.24, 470, 1700))
    return Camera(position, target, focal, WIDTH, HEIGHT, roll=float(rng.normal(0, 0.03)))


def draw_sensor(rng: np.random.Generator) -> Sensor:
    warm = float(rng.normal(0, 0.06))
    sensor = Sensor(
        exposure=float(rng.uniform(0.7, 1.2)), cast=(1 - warm, 1.0 + float(rng.normal(0, 0.02)), 1 + warm),
        contrast=float(rng.uniform(0.75, 1.2)), saturation=float(rng.uniform(0.5, 1.25)),
        blur_px=float(rng.choice([0.45, 0.6, 0.9, 1.3, 2.0], p=[0.25, 0.33, 0.3, 0.09, 0.03])),
        sharpen=float(rng.choice([0, 0.3, 0.7, 1.2], p=[0.3, 0.3, 0.25, 0.15])), noise=float(abs(rng.normal(0.004, 0.009))),
        vignette=float(rng.uniform(0, 0.3)), haze=float(rng.choice([0, 0, 0, 0, rng.uniform(0.05, 0.35)])),
        motion_px=int(rng.choice([0, 0, 0, 0, 0, 0, 3])), grey=bool(rng.random() < 0.04))
    kind = rng.random()
    if kind < 0.5:
        return replace(sensor, crf=int(rng.integers(22, 38)))
    return replace(sensor, jpeg=int(rng.integers(35, 95))) if kind < 0.85 else sensor


@dataclass(frozen=True, eq=False)
class Scene:
    """An empty kitchen seen by one camera, and where people are going to be."""

    name: str
    kitchen: Kitchen
    camera: Camera
    stations: tuple[Station, ...]
    empty: Frame


@lru_cache(maxsize=1)
def draw_scene(kit_name: str, seed: int, number: int) -> Scene:
    """Scene ``number`` of a run; the last one is kept, as several stills share it."""
    kit = KITS[kit_name]
    rng = kit.rng(seed, 0, number)
    style = kit.kitchens[rng.integers(len(kit.kitchens))]
    kitchen = furnish(style, float(rng.normal(0.1, 0.4)), float(rng.uniform(0.8, 1.25)))
    count = int(rng.choice([0, 1, 2, 3, 4, 5], p=[0.03, 0.16, 0.3, 0.29, 0.14, 0.08]))
    stations = _spread(kitchen, rng, count)
    camera = draw_camera(kitchen, rng, stations)
    return Scene(style.name, kitchen, camera, tuple(stations), shoot(kitchen, camera, scale=1.0))


def make_still(kit: Kit, seed: int, number: int) -> Still:
    """Still ``number`` of a run; the same arguments give the same picture."""
    scene = draw_scene(kit.name, seed, number // STILLS_PER_SCENE)
    kitchen, camera = scene.kitchen, scene.camera
    frame = Frame.of(scene.empty.image, scene.empty.depth, scene.empty.position)
    rng = kit.rng(seed, 1, number)
    cast = []
    for station in scene.stations:
        person = draw_person(kit, rng, BALD)
        action = str(rng.choice(["chop", "stir", "wipe", "plate", "rest", "crossed", "carry", "mouth", "drink", "taste", "smoke",
                                 "walk"], p=[0.13, 0.1, 0.07, 0.13, 0.08, 0.06, 0.05, 0.06, 0.05, 0.07, 0.14, 0.06]))
        cast.append((person, draw_wear(kit, rng, action), _pose(kitchen, station, person, action, camera, rng)))
    # Far people first, so that near ones cover them.
    cast.sort(key=lambda c: -float(np.hypot(c[2].x - camera.position[0], c[2].y - camera.position[1])))
    wholes = []
    for i, (person, wear, pose) in enumerate(cast):
        mesh = build(Look(person), wear, pose)
        wholes.append(draw_figure(frame, mesh, camera, kitchen.lighting, i + 1))
        if wear.smoking and rng.random() < 0.6:
            puff(frame.image, frame.ids, i + 1, rng, camera)
    people = [person_truth(frame.ids, i + 1, wear, wholes[i]) for i, (_, wear, _) in enumerate(cast)]
    _steam(frame, kitchen, camera, rng)
    sensor = draw_sensor(rng)
    picture = expose(frame.image, sensor, rng)
    if rng.random() < 0.5:
        overlay(picture, rng)
    return Still(compress(picture, sensor), frame.ids, [p for p in people if p is not None], scene.name)


def _spread(kitchen: Kitchen, rng: np.random.Generator, count: int) -> list[Station]:
    chosen: list[Station] = []
    facing = [s for s in kitchen.stations if abs(s.yaw - np.pi) < 0.1]
    for _ in range(count * 4):
        pool = facing if rng.random() < 0.6 and facing else kitchen.stations
        s = pool[rng.integers(len(pool))]
        s = Station(s.x + float(rng.normal(0, 0.08)), s.y, s.yaw + float(rng.normal(0, 0.2)), s.top)
        if len(chosen) < count and s.y > 1.2 and all(np.hypot(s.x - o.x, s.y - o.y) > 0.5 for o in chosen):
            chosen.append(s)
    return chosen


def _pose(kitchen: Kitchen, station: Station, person: Person, action: str, camera: Camera, rng: np.random.Generator) -> Pose:
    if action == "walk" and kitchen.paths:
        start, end = kitchen.paths[rng.integers(len(kitchen.paths))]
        if rng.random() < 0.5:
            start, end = end, start
        return walk(start, end)(float(rng.uniform(0.2, 3.0)))
    aim = None
    if rng.random() < 0.3:
        to_camera = camera.position[:2] - np.array([station.x, station.y])
        aim = float(np.arctan2(-to_camera[0], to_camera[1]) + rng.normal(0, 0.3))
    pose = work(station, person.height_m, "rest" if action == "walk" else action, rng, aim)(float(rng.uniform(0, 20)))
    if action in ("mouth", "smoke", "drink", "taste"):
        pose = replace(pose, to_mouth=float(rng.choice([1.0, 1.0, 0.85, 0.4, 0.15])))
    return pose


def _steam(frame: Frame, kitchen: Kitchen, camera: Camera, rng: np.random.Generator) -> None:
    if rng.random() > 0.25:
        return
    height, width = frame.depth.shape
    x, y, r = rng.uniform(0, width), rng.uniform(0.2, 0.8) * height, rng.uniform(40, 160)
    yy, xx = np.ogrid[:height, :width]
    cloud = np.exp(-(((xx - x) / r) ** 2) - ((yy - y) / (1.6 * r)) ** 2).astype(np.float32)
    rough = cv2.resize(rng.random((12, 20)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    alpha = (cloud * rough * rng.uniform(0.2, 0.7))[..., None]
    frame.image[:] = frame.image * (1 - alpha) + 0.85 * alpha


def overlay(picture: np.ndarray, rng: np.random.Generator) -> None:
    """A recorder's date and camera name."""
    stamp = (f"20{rng.integers(20, 30)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d} "
             f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}")
    size = float(rng.uniform(0.5, 0.9))
    camera = f"CAM {rng.integers(1, 17):02d}"
    for shift, colour in ((1, (0, 0, 0)), (0, (255, 255, 255))):
        cv2.putText(picture, stamp, (14 + shift, int(26 * size + 8) + shift), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1,
                    cv2.LINE_AA)
        cv2.putText(picture, camera, (picture.shape[1] - 120 + shift, picture.shape[0] - 14 + shift),
                    cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def label_lines(people: list[PersonTruth], width: int, height: int) -> tuple[list[str], list[str | None]]:
    """YOLO lines and, line for line, the kind of hat (None where the line is no hat)."""
    lines: list[str] = []
    hats: list[str | None] = []

    def add(number: int, box: tuple[int, int, int, int], hat: str | None = None) -> None:
        x1, y1, x2, y2 = box
        lines.append(f"{number} {(x1 + x2) / 2 / width:.6f} {(y1 + y2) / 2 / height:.6f} "
                     f"{(x2 - x1) / width:.6f} {(y2 - y1) / height:.6f}")
        hats.append(hat)

    for person in people:
        add(0, person.box)
        if person.head is not None:
            if person.cap == "worn":
                add(2, person.head, HAT_KIND[person.cap_kind or ""])
            else:
                add(1, person.head)
        if person.face is not None:
            add(FACE_CLASS[person.mask], person.face)
        for hand in person.hands:
            add(7 if hand.glove == "worn" else 6, hand.box)
        if person.cigarette is not None:
            add(8, person.cigarette)
    return lines, hats


def write_stills(kit: Kit, count: int, seed: int, out: Path) -> None:
    """``count`` pictures under ``out`` as images/, labels/, caps/ and manifest.jsonl, rendered on every core."""
    for part in ("images", "labels", "caps"):
        (out / part).mkdir(parents=True, exist_ok=True)
    scenes = [range(first, min(first + STILLS_PER_SCENE, count)) for first in range(0, count, STILLS_PER_SCENE)]
    # The manifest comes last: a folder without one is not taken for a finished one.
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), multiprocessing.get_context("spawn")) as pool:
        records = [r for some in pool.map(partial(_write_scene, kit.name, seed, out), scenes) for r in some]
    draft = out / "manifest.partial"
    draft.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    draft.replace(out / "manifest.jsonl")


def cut_caps(still: Still) -> list[np.ndarray]:
    """The caps on heads that are large enough, uint8 BGRA as large as the head with its cap, opaque where the cap is."""
    found = []
    for person in still.people:
        if person.head is None or person.cap != "worn" or person.head[2] - person.head[0] < CAP_MIN_PX:
            continue
        x1, y1, x2, y2 = person.head
        mine = still.ids[y1:y2, x1:x2] == person.figure * 16 + Part.CAP
        if mine.mean() > 0.1:  # less is a rim behind somebody's arm
            alpha = cv2.GaussianBlur(mine.astype(np.float32) * 255, (0, 0), 0.6).astype(np.uint8)
            found.append(np.dstack([still.picture[y1:y2, x1:x2], alpha]))
    return found


def _write_scene(kit_name: str, seed: int, out: Path, numbers: range) -> list[dict[str, object]]:
    cv2.setNumThreads(1)  # the cores are shared out by process
    records = []
    for number in numbers:
        still = make_still(KITS[kit_name], seed, number)
        name = f"simulator_{kit_name}_{seed}_{number:05d}"
        lines, hats = label_lines(still.people, WIDTH, HEIGHT)
        # Not by cv2.imwrite, which says nothing where the disk is full.
        packed = cv2.imencode(".webp", still.picture, [cv2.IMWRITE_WEBP_QUALITY, 90])[1]
        (out / "images" / f"{name}.webp").write_bytes(packed.tobytes())
        for index, cap in enumerate(cut_caps(still)):
            (out / "caps" / f"{name}-{index}.png").write_bytes(cv2.imencode(".png", cap)[1].tobytes())
        (out / "labels" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
        records.append({"image": f"images/{name}.webp", "label": f"labels/{name}.txt", "source": "simulator",
                        "group": f"simulator:{still.scene}", "licence": LICENCE, "annotated": list(range(9)),
                        "annotated_names": list(NAMES), "width": WIDTH, "height": HEIGHT, "hat_kind": hats})
    return records
