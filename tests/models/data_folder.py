"""Small data folders, drawn by the tests themselves."""

import json
from pathlib import Path

import cv2
import numpy as np


def write_folder(folder: Path, rows: list[dict], labels: dict[str, str] | None = None) -> Path:
    """Write a data folder; a row gives what differs from a plain 64 x 48 picture of source ``drawn``."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    lines = []
    for index, row in enumerate(rows):
        name = row.get("name", f"p{index}")
        image = np.random.default_rng(index).integers(0, 256, (48, 64, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / "images" / f"{name}.png"), image)
        (folder / "labels" / f"{name}.txt").write_text((labels or {}).get(name, ""))
        full = {
            "image": f"images/{name}.png",
            "label": f"labels/{name}.txt",
            "source": "drawn",
            "group": f"g{index}",
            "licence": "CC0",
            "annotated": [0],
            "width": 64,
            "height": 48,
        }
        lines.append(json.dumps({**full, **{k: v for k, v in row.items() if k != "name"}}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")
    return folder
