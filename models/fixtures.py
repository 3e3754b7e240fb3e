"""Inputs that any machine can make again, to compare one run of the weights with another."""

import io
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.durable import replace_file

SEED = 7


def seeded_input(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """uint8 [n, H, W, 3]: smooth colour noise with a crude figure in each, so that scores differ enough to be ordered."""
    rng = np.random.default_rng(SEED)
    count, height, width, _ = shape
    images = []
    for _ in range(count):
        noise = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
        image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        x, y, r = width // 2, height // 3, max(4, min(width, height) // 10)
        image[y + r : y + 6 * r, x - 2 * r : x + 2 * r] = rng.integers(0, 256, 3)
        image[y - r : y + r, x - r : x + r] = (120, 150, 200)
        images.append(image)
    return np.stack(images)


def save(path: Path, shape: tuple[int, ...], outputs: Mapping[str, NDArray[np.float32]]) -> None:
    """Keep the shape of a seeded input and the outputs that belong to it (of detections the 20 surest)."""
    packed = io.BytesIO()
    np.savez_compressed(packed, shape=np.array(shape), **{k: v[:, :20] for k, v in outputs.items()})  # type: ignore[arg-type]
    replace_file(path, packed.getvalue())


def difference(kept: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """Largest absolute difference; detections are compared box by box where their scores leave no doubt of the order."""
    now = now[:, : kept.shape[1]]
    if kept.ndim == 2:
        return float(np.abs(kept - now).max())
    scores = kept[..., 4]
    gaps = np.minimum(-np.diff(scores, append=0.0), -np.diff(scores, prepend=2.0))
    clear = gaps > 1e-3
    worst = float(np.abs(scores - now[..., 4]).max())
    if clear.any():
        # Pixels weigh less than probabilities: a hundredth of a pixel is no difference.
        worst = max(worst, float(np.abs(kept - now)[clear][:, :4].max()) / 100)
    return worst
