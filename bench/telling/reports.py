"""What an edge sends."""

from typing import Any
from uuid import UUID

import cv2
import numpy as np

from contract.evidence import Manifest, seal
from tests.api.world import EdgeBox

# As an edge sends it: 1080p, some 300 kB.
WIDTH, HEIGHT = 1920, 1080


def report(box: EdgeBox, picture: bytes) -> dict[str, Any]:
    """The keyword arguments of a signed report; made before the clock runs."""
    number = box.sequence
    x = 10 + 37 * (number % 50)
    y = 10 + 41 * (number // 50 % 25)
    pictures = {"original.jpg": picture, "overlay.jpg": picture}
    head = {"kind": "head", "box": (x, y, x + 30, y + 35), "score": 0.9, "violating": True}
    manifest: Manifest = box.manifest(pictures, frame_width=WIDTH, frame_height=HEIGHT, boxes=[head], track=number + 1)
    box.sequence, box.previous = manifest.sequence, manifest.digest()
    sealed = seal(manifest, box.key).model_dump_json()
    files = {"manifest": ("manifest.json", sealed, "application/json")}
    files |= {name: (f"{name}.jpg", picture, "image/jpeg") for name in ("original", "overlay")}  # type: ignore[misc]
    key: UUID = manifest.violation_id
    return {"url": "/api/v1/edge/violations", "files": files, "headers": {"Idempotency-Key": str(key)}, "auth": box.sign}


def new_picture() -> bytes:
    """Some 300 kB: smooth, with grain."""
    chance = np.random.default_rng(7)
    smooth = cv2.resize(chance.integers(0, 255, (27, 48, 3)).astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    grain = chance.normal(0, 4, smooth.shape)
    done, encoded = cv2.imencode(".jpg", np.clip(smooth + grain, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert done
    return encoded.tobytes()
