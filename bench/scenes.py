"""The cameras of a benchmark: a busy and an empty kitchen with known truth, from a kit that nothing was trained on."""

import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from simulator.clip import Stage
from simulator.garments import Cap, Mask
from simulator.geometry import Camera
from simulator.head import Face, Hair
from simulator.kitchen import KitchenStyle, Station, furnish
from simulator.kits import Kit
from simulator.people import Clothes, Person, Wear
from simulator.plot import Actor, Plot, table_post
from simulator.sensor import Sensor, expose

# What a common camera sends as its main stream.
WIDTH, HEIGHT, FPS, BITS_A_SECOND = 1920, 1080, 25, 4_000_000
# Figures are drawn so often, because each drawing takes half a second of a core; the sensor's noise is new in every picture.
DRAWN_A_SECOND = 5
GRAIN = 0.006
CODECS = {"h264": "libx264", "h265": "libx265"}
GOPS = (25, 50)
EMPTY_S = 8.0

KIT = Kit(
    name="bench", number=4,
    kitchens=(KitchenStyle("bench", "dfe0d3", "d5d0c0", "8c8078", "a0a89c", "446b35", 0.37, 0.22, 9801),),
    builds=((1.71, 1.02, 1.0), (1.77, 1.08, 1.03), (1.64, 0.96, 0.98)),
    skins=("dfb594", "cb9b75", "ebc8a6"),
    faces=(Face(1.015, 0.955, 1.045, 1.025, 1.025, 0.0, 0.275), Face(0.965, 1.065, 1.145, 0.945, 1.265, 0.3, 0.455),
           Face(1.045, 0.925, 0.915, 1.115, 0.865, 0.0, 0.145)),
    hair_colours=("171310", "251d15", "312822"),
    hair_volumes=(0.011, 0.0155, 0.0195),
    clothes_colours=("edeee9", "dde9ee", "45566a"),
    trouser_colours=("353942", "20222e", "3d4250"),
    apron_colours=("31486e", "eee3d8", "51382a"),
    caps=(Cap("toque", "f1f0e7", 0.115, 0.42), Cap("skull", "36445f", 0.021, 0.33), Cap("bouffant", "bcd8e6", 0.0275, 0.47)),
    masks=(Mask("pleated", "9cc4d6", 0.0041), Mask("pleated", "eaf1ea", 0.0058), Mask("cloth", "2c2936", 0.0051)),
    glove_colours=("3c639a", "f4eee6", "5486c6"),
)


def busy() -> Plot:
    """Three people: a cap off, hands bare, a mask off and then a cigarette; each lasts its hold time and six seconds more."""
    kitchen = furnish(KIT.kitchens[0], warm=0.05, strength=1.02)
    places = (-1.1, 0.0, 1.1)
    table = table_post(kitchen, places)
    at = np.array([table.x + 0.9, max(0.2, table.y - 3.1), 2.45], np.float32)
    camera = Camera(at, np.array([table.x, table.y - 0.1, 1.12], np.float32), 1230, WIDTH, HEIGHT)
    full = [Wear(KIT.caps[i], KIT.masks[i], "worn", (KIT.glove_colours[i],) * 2, None) for i in range(3)]
    open_face = replace(full[2], mask=None)
    wearing = (
        ((0.0, full[0]), (3.0, replace(full[0], cap=None)), (29.0, full[0])),
        ((0.0, full[1]), (5.0, replace(full[1], gloves=(None, None))), (31.0, full[1])),
        ((0.0, full[2]), (8.0, open_face), (18.0, replace(open_face, smoking="hand")), (28.0, open_face), (33.0, full[2])),
    )
    doing = (
        ((0.0, "plate"), (1.8, "crown"), (3.3, "chop"), (27.8, "crown"), (29.3, "plate")),
        ((0.0, "wipe"), (3.6, "join"), (5.2, "plate"), (29.6, "join"), (31.2, "wipe")),
        ((0.0, "stir"), (6.8, "chin"), (8.3, "plate"), (16.6, "join"), (18.0, "smoke"), (28.0, "plate"), (31.8, "chin"),
         (33.3, "stir")),
    )
    hair = ("short", "crop", "bun")
    clothes = (("jacket", "long", "bib"), ("polo", "short", "waist"), ("tshirt", "short", "bib"))
    actors = []
    for i, ((height, width, head), (cut, sleeve, apron)) in enumerate(zip(KIT.builds, clothes, strict=True)):
        worn = Clothes(cut, KIT.clothes_colours[i], KIT.trouser_colours[i], sleeve, apron, KIT.apron_colours[i])
        looks = Hair(hair[i], KIT.hair_colours[i], KIT.hair_volumes[i])
        person = Person(height, width, head, KIT.skins[i], KIT.faces[i], looks, worn, KIT.number * 1000 + i)
        station = Station(table.x + places[i], table.y, table.yaw, table.top)
        actors.append(Actor(person, station, doing[i], wearing[i], (float(at[0]), float(at[1])), 40 + i))
    sensor = Sensor(exposure=1.0, blur_px=0.8, sharpen=0.35, noise=0.0, vignette=0.12)
    return Plot("busy", 40.0, kitchen, camera, sensor, tuple(actors), 2.0, 0)


def clips(folder: Path) -> dict[str, Path]:
    """Files by name, such as `busy-h264-50`; each with NAME.truth.json. Made once, in about three minutes of one core.

    They carry the fingerprint of this file in their folder's name, so that a changed scene is drawn anew.
    """
    folder = folder / f"clips-{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]}"
    names = [("busy", codec, gop) for codec in CODECS for gop in GOPS] + [("empty", codec, max(GOPS)) for codec in CODECS]
    paths = {f"{scene}-{codec}-{gop}": folder / f"{scene}-{codec}-{gop}.mp4" for scene, codec, gop in names}
    if all(path.exists() for path in paths.values()):
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        drawn = round(busy().duration_s * DRAWN_A_SECOND)
        shares = 4  # each draws the empty kitchen once, which takes as long as twenty pictures
        list(pool.map(_draw, [folder] * shares, [range(first, drawn, shares) for first in range(shares)]))
        jobs = [pool.submit(_encode, folder, scene, codec, gop) for scene, codec, gop in names]
        for job in jobs:
            job.result()
    for picture in folder.glob("*.npy"):
        picture.unlink()
    return paths


def _draw(folder: Path, numbers: range) -> None:
    stage = Stage(busy())
    if numbers[0] == 0:
        np.save(folder / "empty.npy", expose(stage.empty.image, stage.plot.sensor, stage.rng))
    for number in numbers:
        time_s = number / DRAWN_A_SECOND
        frame, people = stage.draw(time_s)
        np.save(folder / f"busy{number}.npy", expose(frame.image, stage.plot.sensor, stage.rng))
        truth = {"time_s": time_s, "people": [person.as_json() for person in people]}
        (folder / f"busy{number}.json").write_text(json.dumps(truth))


def _encode(folder: Path, scene: str, codec: str, gop: int) -> None:
    plot = busy()
    duration_s = plot.duration_s if scene == "busy" else EMPTY_S
    rng = np.random.default_rng(KIT.number)
    # Adding one of eight sheets of grain, each turned another way, is a tenth of the work of drawing new grain.
    grain = (rng.standard_normal((8, HEIGHT, WIDTH, 1)) * (GRAIN * 255)).round().astype(np.int8)
    path = folder / f"{scene}-{codec}-{gop}.mp4"
    with av.open(str(path.with_suffix(".part")), "w", format="mp4") as container:
        stream: VideoStream = container.add_stream(CODECS[codec], rate=FPS, options=_options(codec, gop))  # type: ignore[assignment]
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", BITS_A_SECOND
        stream.time_base = stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        for number in range(round(duration_s * FPS)):
            picture = _picture(folder, scene, number * DRAWN_A_SECOND // FPS, grain[number % 8], flipped=number // 8 % 2 == 1)
            video = av.VideoFrame.from_ndarray(picture, "bgr24")
            video.pts, video.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(video))
        container.mux(stream.encode(None))
    frames = [json.loads(file.read_text()) for file in folder.glob("busy[0-9]*.json")] if scene == "busy" else []
    truth = {
        "duration_s": duration_s, "events": [asdict(event) for event in plot.events()] if scene == "busy" else [],
        "frames": sorted(frames, key=lambda frame: float(frame["time_s"])),
    }
    path.with_suffix(".truth.json").write_text(json.dumps(truth))
    path.with_suffix(".part").rename(path)


def _options(codec: str, gop: int) -> dict[str, str]:
    """What a camera writes: no B frames, closed groups of exactly the key-frame interval, a bounded rate."""
    common = f"bframes=0:scenecut=0:open-gop=0:keyint={gop}:min-keyint={gop}"
    rate = f"vbv-maxrate={BITS_A_SECOND // 800}:vbv-bufsize={BITS_A_SECOND // 800}"
    if codec == "h264":
        return {"preset": "veryfast", "profile": "high", "x264-params": f"{common}:{rate}"}
    return {"preset": "ultrafast", "x265-params": f"{common}:{rate}:log-level=none:pools=none:frame-threads=1"}


def _picture(folder: Path, scene: str, number: int, grain: NDArray[np.int8], *, flipped: bool) -> NDArray[np.uint8]:
    name = "empty" if scene == "empty" else f"busy{number}"
    drawn = np.load(folder / f"{name}.npy").astype(np.int16)
    return np.asarray(np.clip(drawn + (grain[::-1] if flipped else grain), 0, 255), np.uint8)
