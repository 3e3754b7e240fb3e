"""What docs/model.md tells a region that adds a class of its own, done to a copy of the rooms."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import models
from tests.models.data_folder import write_folder

CHECKOUT = Path(models.__file__).parents[1]
ROOMS = ("models", "detector", "contract", "configs")

RAT = """
from pathlib import Path
from detector.observation import Observation
from models.data import read_folder
from models.matching import Matches
from models.pseudo import targets
from models.publish import CLASSES

(picture,) = read_folder(Path("rats"))
assert targets(picture, None).of(CLASSES.index("rat")).tolist() == [[24, 12, 40, 36]]
matches = Matches(1.6, 1.4, {"rat": 0.2})
matches.add(0, picture, Observation(64, 48), {"rat": [((24, 12, 40, 36), 0.9)]})
assert [candidate.hit for candidate in matches.candidates["rat"]] == [True]
"""

APRON = """
from pathlib import Path
import numpy as np
from contract.catalogue import load_catalogue
from detector.observation import Attribute, Observation, Person
from models.attribute_crops import patches
from models.data import read_folder
from models.matching import Matches
from models.pseudo import targets
from models.publish import STATES

(picture,) = read_folder(Path("aprons"))
taught = patches(picture, targets(picture, None), None, False, np.random.SeedSequence(0))
assert [STATES["apron"][patch.labels.apron] for patch in taught if patch.labels.apron >= 0] == ["worn", "missing"]
matches = Matches(1.6, 1.4, {})
people = [Person(tuple(box), 0.9, apron=Attribute("missing", score)) for box, score in zip(picture.boxes.tolist(), (0.2, 0.8))]
matches.add(0, picture, Observation(64, 48, tuple(people)), {})
assert [(candidate.score, candidate.hit) for candidate in matches.candidates["no apron"]] == [(0.8, True), (0.2, False)]
assert people[1].attribute("apron").state == "missing"
assert next(rule for rule in load_catalogue().rules if rule.code == "K04").sign.attribute == "apron"
"""


@pytest.mark.parametrize(
    ("name", "row", "label", "script"),
    [
        ("rat", {"annotated": [10]}, "10 0.5 0.5 0.25 0.5\n", RAT),
        ("apron", {"annotated": [10, 11]}, "10 0.25 0.5 0.4 0.9\n11 0.75 0.5 0.4 0.9\n", APRON),
    ],
)
def test_the_change_that_is_told_teaches_a_class(tmp_path: Path, name: str, row: dict, label: str, script: str) -> None:
    for room in ROOMS:
        shutil.copytree(CHECKOUT / room, tmp_path / room, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    write_folder(tmp_path / f"{name}s", [row], {"p0": label})
    # One line around a change must be as it was: this fails where the page is to be written anew.
    change = ["git", "apply", "-C1", str(CHECKOUT / "docs" / "own-class" / f"{name}.diff")]
    applied = subprocess.run(change, cwd=tmp_path, capture_output=True, text=True)
    assert applied.returncode == 0, applied.stderr
    result = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
