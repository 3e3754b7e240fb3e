"""What runs in .venv-train, which has torch and no pytest: each test is a script for its Python."""

import subprocess
from pathlib import Path

import pytest

from models.places import CHECKOUT
from models.train_cli import TRAINING_PYTHON

pytestmark = pytest.mark.training

PATCHES = """
import numpy as np
from models.attribute_crops import Labels, Patch

def patches(count):
    rng = np.random.default_rng(0)
    head, none = np.array([48, 48, 96, 96], np.float32), np.zeros((0, 4), np.float32)
    image = lambda: rng.integers(0, 256, (144, 144, 3)).astype(np.uint8)
    return [Patch(image(), 48, head, none, Labels(cap=i % 2, mask=i % 3), "drawn", f"g{i}", 1.0) for i in range(count)]
"""

RESUMED = """
import os, signal, sys
from pathlib import Path
from models import attributes
from models.checkpoint import Checkpoint

state = Path("attributes.pt")
save = Checkpoint.save
def save_and_die(self, spent_s, step):
    save(self, spent_s, step)
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "killed":
    Checkpoint.save = save_and_die
attributes.train(patches(8), [], [], None, state, float(sys.argv[2]), say=print)
"""

EXPORTED = """
from pathlib import Path
import torch
from detector.card import default_weights
from models.export import export_finder
from models.exported import read_finder
from models.finder import build

first, again = build(None, seed=1).eval(), build(None, seed=2).eval()
read_finder(first, default_weights() / "finder.onnx")
export_finder(first, Path("finder.onnx"), Path("finder.parity.npz"))  # compares the two, and raises where they differ
read_finder(again, Path("finder.onnx"))
assert {path.name for path in Path().iterdir()} == {"finder.onnx", "finder.parity.npz"}
answers = []
for model in (first, again):
    head = model.model[-1]
    seen = []
    head.cv3[0].register_forward_hook(lambda *args: seen.append(args[2]))
    with torch.inference_mode():
        model(torch.full((1, 3, 96, 160), 0.5))
    answers.append(seen[0])
assert torch.allclose(*answers, atol=1e-3), (answers[0] - answers[1]).abs().max()
"""

ONE_TO_ONE = """
import re
import onnx, torch
from detector.card import default_weights
from models.exported import read_finder
from models.finder import build

onnx_model = onnx.load(default_weights() / "finder.onnx")
for each in onnx_model.graph.initializer:  # named as the files were whose head was the one-to-one one
    each.name = re.sub(r"\\.23\\.(cv[23])", r".23.one2one_\\1", each.name)
onnx.save(onnx_model, "earlier.onnx")
now, earlier = build(None, seed=1), build(None, seed=2)
read_finder(now, default_weights() / "finder.onnx")
read_finder(earlier, "earlier.onnx")
expected = now.state_dict()
assert len(expected) > 100 and all(torch.equal(value, expected[name]) for name, value in earlier.state_dict().items())
"""

AVERAGED = """
from pathlib import Path
import torch
from models import attributes
from models.attributes_net import AttributeNet
from models.checkpoint import Checkpoint
from models.export import export_attributes
from models.exported import read_attributes

def exported(name, seed):
    network = AttributeNet(None, seed).eval()
    for each, parameter in network.named_parameters():  # as training leaves them: those that are equal share a name in the file
        if each.endswith("bias"):
            parameter.data.normal_()
    export_attributes(network, Path(name), Path(name + ".npz"))  # compares the two, and raises where they differ
    return network

earlier = exported("earlier.onnx", 1)
crops = torch.rand(2, 3, 96, 96)
with torch.inference_mode():
    told, again = (network.logits(crops)["glove"] for network in (earlier, read_attributes(Path("earlier.onnx"))))
assert torch.allclose(told, again, atol=1e-4), (told - again).abs().max()

Checkpoint.load = lambda self, device: (1.0, 1)  # no time is left: what comes is the mean of the two starts
new = AttributeNet(None, 0)
mean = attributes.train(patches(8), [], [], None, Path("state.pt"), 1.0, earlier=read_attributes(Path("earlier.onnx")))
share = attributes.EARLIER_SHARE
weight = mean.states["glove"].weight
expected = share * earlier.states["glove"].weight + (1 - share) * new.states["glove"].weight
assert torch.allclose(weight, expected, atol=1e-6)
"""

EACH_ONCE = """
from pathlib import Path
import cv2
import numpy as np
import onnxruntime as ort
import torch
from detector.card import default_weights
from models import export
from models.exported import read_finder
from models.finder import build

network = build(None).eval()
read_finder(network, default_weights() / "finder.onnx")
export.export_finder(network, Path("finder.onnx"), Path("finder.parity.npz"))
made = []
export._write = lambda module, *_: made.append(module)
export.export_finder(network, Path("again.onnx"), Path("again.npz"))
_, kitchen = cv2.VideoCapture(sys.path[0] + "/configs/demo/kitchen.mp4").read()
canvases = np.stack([cv2.resize(kitchen, (640, 384)), cv2.resize(kitchen[::-1], (640, 384))])
with torch.inference_mode():
    told = made[0](torch.from_numpy(canvases)).numpy()
now, = ort.InferenceSession("finder.onnx").run(None, {"images": canvases})
assert (told[..., 4] > 0.3).sum() > 10
clear = told[..., 4] > export.LEAST
assert np.array_equal(clear, now[..., 4] > export.LEAST)
assert np.abs(told[clear] - now[clear]).max() < 0.1, np.abs(told[clear] - now[clear]).max(0)
"""

OF_A_FINDER = """
from detector.card import default_weights
from models.exported import read_attributes
read_attributes(default_weights() / "finder.onnx")
"""

LEARNED_BEFORE = """
from pathlib import Path
from models.recipe import Plan, _learned_before
from models.split import write_learned
here = Path()
for name in ("started", "averaged"):
    (here / name).mkdir()
    write_learned(here / name, [("shop", f"{name}.webp")])
plan = Plan([], here, here, here / "out", 1.0, 0.0, "", "", onward=here / "started/f.onnx", earlier=here / "averaged/a.onnx")
assert _learned_before(plan) == {("shop", "started.webp"), ("shop", "averaged.webp")}
"""

UNCALIBRATED = """
from models.attributes import calibrate
from models.attributes_net import AttributeNet
calibrate(AttributeNet(None), [], 0, print)
"""

ONE_STATE = """
from dataclasses import replace
from models.attributes import calibrate
from models.attributes_net import AttributeNet
network = AttributeNet(None)
calibrate(network, [replace(patch, labels=Labels(cap=i % 2, smoking=0)) for i, patch in enumerate(patches(8))], 0, print)
assert network.temperature["smoking"] == 1
"""

WITHOUT_TIME = """
from pathlib import Path
from models.recipe import _time_for
assert _time_for(Path(sys.executable), -1.0) == -1.0  # a checkpoint is left to export
_time_for(Path("attributes.pt"), -1.0)
"""


def in_training(script: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert TRAINING_PYTHON.is_file(), "Make it with: scripts/setup train"
    command = [str(TRAINING_PYTHON), "-c", f"import sys; sys.path.insert(0, {str(CHECKOUT)!r})\n{script}", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_killed_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    assert in_training(PATCHES + RESUMED, tmp_path, "killed", "1").returncode == -9
    resumed = in_training(PATCHES + RESUMED, tmp_path, "resumed", "10")
    assert resumed.returncode == 0, resumed.stderr
    assert "attributes: resuming at step" in resumed.stdout


def test_a_torn_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "attributes.pt").write_bytes(b"torn")
    result = in_training(PATCHES + RESUMED, tmp_path, "resumed", "1")
    assert "DataError: attributes.pt cannot be gone on from. Remove it" in result.stderr


def test_an_exported_finder_can_be_gone_on_from(tmp_path: Path) -> None:
    exported = in_training(EXPORTED, tmp_path)
    assert exported.returncode == 0, exported.stderr


def test_a_finder_with_the_head_of_before_can_be_gone_on_from(tmp_path: Path) -> None:
    read = in_training(ONE_TO_ONE, tmp_path)
    assert read.returncode == 0, read.stderr


def test_the_file_removes_doubles_as_the_network_it_was_made_from(tmp_path: Path) -> None:
    compared = in_training(EACH_ONCE, tmp_path)
    assert compared.returncode == 0, compared.stderr


def test_stage_2_is_averaged_with_an_earlier_one(tmp_path: Path) -> None:
    averaged = in_training(PATCHES + AVERAGED, tmp_path)
    assert averaged.returncode == 0, averaged.stderr


def test_what_earlier_weights_learned_from_counts_as_learned(tmp_path: Path) -> None:
    told = in_training(LEARNED_BEFORE, tmp_path)
    assert told.returncode == 0, told.stderr


def test_a_finder_is_no_stage_2_to_average_with(tmp_path: Path) -> None:
    result = in_training(OF_A_FINDER, tmp_path)
    assert "finder.onnx is no stage 2 that this `sunshine model train` could have written" in result.stderr


def test_a_training_with_nothing_to_calibrate_on_is_told(tmp_path: Path) -> None:
    assert "nothing to set temperatures" in in_training(UNCALIBRATED, tmp_path).stdout


def test_no_weights_come_of_a_budget_that_others_have_spent(tmp_path: Path) -> None:
    assert "DataError: The budget left no time to train" in in_training(WITHOUT_TIME, tmp_path).stderr


def test_what_validation_shows_in_one_state_alone_sets_no_temperature(tmp_path: Path) -> None:
    calibrated = in_training(PATCHES + ONE_STATE, tmp_path)
    assert calibrated.returncode == 0, calibrated.stderr
    assert "temperature of smoking on, it stays 1" in calibrated.stdout
    assert "temperature of cap" in calibrated.stdout
