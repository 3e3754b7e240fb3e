"""The int8 variants of both stages: static quantisation with scales from training pictures. Needs onnx, but not torch."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.attributes import AttributeReader
from detector.card import ModelCard, Precision, Variant, load_model
from detector.crops import PADDING, head_region
from detector.finder import Image, canvas_for, fit, lay
from detector.session import Session
from models.boxes import head_from_face
from models.data import FACES, HANDS, HEADS, DataError, Picture
from models.durable import replace_file
from models.fixtures import seeded_input
from models.publish import sha256, write_card

CALIBRATION = 100
"""pictures, drawn from all sources; a layer's scale comes from the mean of their ranges"""
MOST_CROPS = 512
"""of the calibration pictures"""
CALLS = 15
"""of each variant in turns, whose median is its CPU time"""
CANVAS, CROPS = (1, 384, 640, 3), (8, 96, 96, 3)
"""what is timed: one 16:9 picture; the crops of some three people"""
FIRST = tuple(f"/network/model.{layer}/" for layer in range(3))
"""the finder's layers on half and a quarter of the picture's sides"""
OPERATIONS = ["Conv", "Sigmoid", "Mul", "Add", "Concat", "MaxPool", "Resize", "Split", "Slice", "Relu", "Gemm"]


def quantise(weights: Path, pictures: Sequence[Picture], say: Callable[[str], None]) -> None:
    """Write NAME.int8.onnx beside the fp32 weights of both stages, and the variants into their cards.

    fp32 is the default until another is chosen. Raises DataError without pictures, ModelError without weights.
    """
    if not pictures:
        raise DataError("There is no training picture to take the int8 scales from. Name a data folder with more groups.")
    order = np.random.default_rng(0).permutation(len(pictures))[:CALIBRATION]
    chosen = [pictures[index] for index in order]
    for name in ("finder", "attributes"):
        card, fp32 = load_model(weights, name, "fp32")
        say(f"{name}: scales from {len(chosen)} pictures")
        batches = list(_canvases(card, chosen) if name == "finder" else _crops(card, fp32, chosen))
        path = weights / f"{name}.int8.onnx"
        _quantise(fp32, path, card.input.name, batches)
        times = _cpu_ms(card, {"fp32": fp32, "int8": path.read_bytes()}, CANVAS if name == "finder" else CROPS)
        variants = [
            Variant(precision="fp32", file=card.file, sha256=card.sha256, cpu_ms=times["fp32"]),
            Variant(precision="int8", file=path.name, sha256=sha256(path), cpu_ms=times["int8"]),
        ]
        write_card(card.model_copy(update={"variants": variants}), weights / f"{name}.yaml")
        say(f"{name}: " + ", ".join(f"{v.precision} {v.cpu_ms:.1f} ms of CPU" for v in variants))


def _quantise(fp32: bytes, out: Path, name: str, batches: Sequence[NDArray[np.uint8]]) -> None:
    """8-bit weights by channel, 8-bit activations.

    ``reduce_range``: without VNNI instructions, sums of products of 8-bit numbers overflow 16 bits silently; 7 bits do not.
    The ends stay in fp32: one scale for pixels beside probabilities suits neither, and rounded probabilities no longer add up.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(batches)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self._rest, None)
            return None if batch is None else {name: batch}

    model = onnx.load_model_from_string(fp32)
    logging.getLogger().setLevel(logging.ERROR)  # advice about pre-processing, once a call; onnxslim has done it
    with TemporaryDirectory() as folder:
        plain, quantised = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        plain.write_bytes(fp32)
        quantize_static(
            plain,
            quantised,
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=OPERATIONS,
            nodes_to_exclude=_kept(model),
            extra_options={"CalibMovingAverage": True},
        )
        replace_file(out, quantised.read_bytes())


def _kept(model: Any) -> list[str]:
    """Names of the nodes that stay in fp32: the finder's first layers and head, and what no convolution follows.

    In the first layers rounding costs most, and 8 bits gain no time there: with them in fp32 the scores on the validation part
    differ from exact ones by 0.62, 0.47, 0.56 and 0.52 (person, head, hand, cigarette; root mean square of the log odds), else by
    0.78, 0.57, 0.77 and 0.68. One grey value more or less in each pixel changes them by 0.54, 0.42, 0.53 and 0.61.
    """
    nodes = model.graph.node
    feeds_convolution: set[str] = set()
    ends, heads = [], set()
    for node in reversed(nodes):  # in the order of computation, so that what follows a node is known before it
        followed = bool(feeds_convolution & set(node.output))
        if node.op_type == "Conv" or followed:
            feeds_convolution |= set(node.input)
        if not followed:
            ends.append(node.name)
            heads |= set(re.findall(r"^/network/model\.\d+/", node.name))
    return ends + [node.name for node in nodes if node.name.startswith((*FIRST, *heads))]


def _canvases(card: ModelCard, pictures: Sequence[Picture]) -> Iterator[NDArray[np.uint8]]:
    """What the finder sees of each picture."""
    for picture in pictures:
        image = picture.read()
        height, width = image.shape[:2]
        canvas = canvas_for(width, height, card.long_side or 640)
        batch = np.full((1, canvas[1], canvas[0], 3), PADDING, np.uint8)
        lay(image, batch[0], fit(width, height, canvas))
        yield batch


def _crops(card: ModelCard, weights: bytes, pictures: Sequence[Picture]) -> Iterator[NDArray[np.uint8]]:
    """The labelled heads, faces and hands of the pictures, as the reader cuts them."""
    reader = AttributeReader(card, weights)
    crops: list[Image] = []
    for picture in pictures:
        image = picture.read()
        heads = np.concatenate([picture.of(*HEADS), head_from_face(picture.of(*FACES))])
        crops += reader.cut(image, [head_region(head) for head in heads], reader.crop.head_scale)
        crops += reader.cut(image, picture.of(*HANDS), reader.crop.hand_scale)
    if not crops:
        raise DataError("No head, face or hand is labelled in the training pictures, so stage 2 has no int8 scales.")
    for start in range(0, min(len(crops), MOST_CROPS), 16):
        yield np.stack(crops[start : start + 16])


def _cpu_ms(card: ModelCard, variants: dict[Precision, bytes], shape: tuple[int, ...]) -> dict[Precision, float]:
    """CPU milliseconds of a call, one thread; the variants take turns, so that a busy machine slows both alike."""
    batch = seeded_input(shape)
    sessions = {precision: Session(card, weights) for precision, weights in variants.items()}
    spent: dict[Precision, list[float]] = {precision: [] for precision in variants}
    for _ in range(CALLS + 1):
        for precision, session in sessions.items():
            began = time.process_time()
            session.run(batch)
            spent[precision].append(1000 * (time.process_time() - began))
    return {precision: round(median(values[1:]), 2) for precision, values in spent.items()}  # the first call warms up
