"""What a person has looked at: pictures of at most four heads with no cigarette at any of them (checked.csv)."""

import csv
from pathlib import Path

CHECKED = Path(__file__).with_name("checked.csv")


def no_cigarette() -> frozenset[str]:
    """Keys ``source/image`` of pictures at whose heads a person has seen no cigarette."""
    if not CHECKED.is_file():
        return frozenset()
    with CHECKED.open(newline="", encoding="utf-8") as file:
        return frozenset(f"{row['source']}/{row['image']}" for row in csv.DictReader(file) if row["says"] == "no_cigarette")
