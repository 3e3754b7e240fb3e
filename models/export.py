"""ONNX files that eat a camera's bytes: uint8 NHWC BGR in, everything else inside the graph. Training environment."""

import copy
import io
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.boxes import keep_best
from models.durable import replace_file
from models.fixtures import difference, save, seeded_input
from models.publish import CROP, STATES

OPSET = 18
MOST, LEAST = 300, 0.01
"""boxes of a class in a picture, and the score below which there is none; in tests of AP 0.001 finds no more"""
DOUBLES_IOU = 0.6
"""Of 0.5, 0.6 and 0.7 the best for people on the validation part (AP 0.615, 0.620, 0.603); for the others they are alike"""
TOLERANCE = 1e-3
"""of probabilities, and of boxes in 100 pixels; float32 in another order of operations stays far below"""


class _FromBytes(nn.Module):  # type: ignore[misc]
    """uint8 [n, H, W, 3] BGR to a network whose first convolution was told about it by ``fold_input``."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        return self.network(images.permute(0, 3, 1, 2).float())


class _Suppressed(torch.autograd.Function):  # type: ignore[misc]
    """Non-maximum suppression in each class: boxes [b, cells, 4] (corners), scores [b, classes, cells] -> rows [n, 3] of batch,
    class, cell that are kept. As ONNX's operator of that name, which is what it becomes."""

    @staticmethod
    def forward(ctx: Any, boxes: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        kept = []
        for picture, name in itertools.product(range(scores.shape[0]), range(scores.shape[1])):
            cells = (scores[picture, name] > LEAST).nonzero()[:, 0].numpy()
            best = keep_best(boxes[picture, cells].numpy(), scores[picture, name, cells].numpy(), DOUBLES_IOU)
            kept += [[picture, name, cell] for cell in cells[best[:MOST]].tolist()]
        return torch.tensor(kept, dtype=torch.int64).reshape(-1, 3)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any) -> Any:
        most, overlap, least = (
            g.op("Constant", value_t=torch.tensor([value])) for value in (MOST, DOUBLES_IOU, LEAST)
        )
        return g.op("NonMaxSuppression", boxes, scores, most, overlap, least)


class _Finder(_FromBytes):
    """And the boxes of the network's cells, each thing once, the surest first."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        cells: Any = super().forward(images)  # [b, 4 + classes, cells]
        boxes, scores = cells[:, :4].transpose(1, 2), cells[:, 4:]
        kept = torch.zeros_like(scores).index_put(tuple(_Suppressed.apply(boxes, scores).unbind(1)), torch.ones(()))
        return self.network.model[-1].postprocess(torch.cat([boxes, (scores * kept).transpose(1, 2)], 2))


def fold_input(convolution: nn.Conv2d) -> None:
    """Let a convolution made for RGB 0..1 take BGR 0..255, by changing its weights in place."""
    with torch.no_grad():
        convolution.weight.copy_(convolution.weight.flip(1) / 255)


def unfold_input(convolution: nn.Conv2d) -> None:
    """Undo ``fold_input``."""
    with torch.no_grad():
        convolution.weight.copy_(convolution.weight.flip(1) * 255)


def fold_batch_norms(model: nn.Module) -> None:
    """Put each batch norm into the convolution before it, in place; ``model`` is in evaluation mode and answers as before."""
    for block in list(model.modules()):
        children = list(block.named_children())
        for (first, convolution), (second, norm) in itertools.pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(block, first, fuse_conv_bn_eval(convolution, norm))
                setattr(block, second, nn.Identity())


def export_finder(model: nn.Module, path: Path, fixture: Path) -> None:
    """Write ``images`` uint8 [b, H, W, 3] -> ``detections`` float32 [b, 300, 6]; H and W are multiples of 32.

    The smallest picture is 96 x 160: below it there are fewer than 300 cells to choose from. ``fixture`` (.npz) gets
    what the PyTorch model answers to a seeded input.
    """
    model = copy.deepcopy(model).float().cpu().eval()
    detect = model.model[-1]
    detect.export, detect.dynamic, detect.format = True, True, "onnx"
    model = model.fuse(verbose=False)
    fold_input(model.model[0].conv)
    _write(_Finder(model).eval(), (1, 384, 640, 3), path, "images", ("detections",), (0, 1, 2), fixture)


def export_attributes(model: nn.Module, path: Path, fixture: Path) -> None:
    """Write ``crops`` uint8 [n, 96, 96, 3] -> probabilities of the states of each attribute."""
    model = copy.deepcopy(model).float().cpu().eval()
    fold_batch_norms(model)  # here, not by the exporter: so the file keeps the weights' names
    fold_input(model.middle[0].conv)
    _write(_FromBytes(model).eval(), (3, CROP.size, CROP.size, 3), path, "crops", tuple(STATES), (0,), fixture)


def _write(
    module: nn.Module,
    shape: tuple[int, ...],
    path: Path,
    name: str,
    outputs: Sequence[str],
    dynamic: Sequence[int],
    fixture: Path,
) -> None:
    import onnx
    import onnxruntime
    import onnxslim

    example = torch.from_numpy(seeded_input(shape))
    axes = {name: {axis: "bhw"[axis] for axis in dynamic}, **{output: {0: "b"} for output in outputs}}
    packed = io.BytesIO()
    with torch.inference_mode():
        torch.onnx.export(
            module,
            (example,),
            packed,
            opset_version=OPSET,
            input_names=[name],
            output_names=list(outputs),
            dynamic_axes=axes,
            dynamo=False,
        )
        answers = module(example)
    slim = onnxslim.slim(onnx.load_model_from_string(packed.getvalue()))
    slim.doc_string = ""
    onnx.checker.check_model(slim)
    weights = slim.SerializeToString()
    kept = [a.numpy() for a in (answers if isinstance(answers, tuple) else (answers,))]
    now = onnxruntime.InferenceSession(weights).run(list(outputs), {name: example.numpy()})
    worst = max(difference(a, b) for a, b in zip(kept, now, strict=False))
    if worst > TOLERANCE:
        raise RuntimeError(f"{path.name} would answer differently from the model it is made from (by {worst:.2g}).")
    save(fixture, shape, dict(zip(outputs, kept, strict=False)))
    replace_file(path, weights)
