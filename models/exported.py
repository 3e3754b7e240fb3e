"""Weights back out of the ONNX files of both stages, to train on from them or to average with them. Training environment."""

import re
from pathlib import Path

import onnx
import torch
from onnx.numpy_helper import to_array
from torch import nn

from models.attributes_net import AttributeNet
from models.data import DataError
from models.export import fold_batch_norms, unfold_input


def read_finder(model: nn.Module, path: Path) -> None:
    """Set the weights of ``model`` (``finder.build``) to those that ``export_finder`` wrote into ``path``.

    The export has put each batch norm into its convolution, and so does this: ``model`` has none any more. A file from before
    2026-11-28 has a one-to-one head instead of the one-to-many one, which begins as that. Classes that ``model`` knows besides
    come after those of the file, and keep the weights that they have.

    Raises:
        DataError: ``path`` is no finder that this recipe has exported.
    """
    stored = _stored(path)
    modules = dict(model.named_modules())
    classes = {name for name in modules if re.search(r"\.cv3\.\d\.2$", name)}
    twin = rf"^(network\.model\.{len(model.model) - 1}\.)(cv[23])\."
    try:
        with torch.no_grad():
            for name, module in modules.items():
                if not isinstance(module, nn.Conv2d):
                    continue
                there = f"network.{name}"
                if f"{there}.weight" not in stored:
                    there = re.sub(twin, r"\1one2one_\2.", there)
                weight, bias = (stored[f"{there}.{part}"] for part in ("weight", "bias"))
                known = len(weight) if name in classes else len(module.weight)
                module.weight[:known].copy_(weight)
                ours = bias.new_empty(0) if module.bias is None else module.bias[known:]
                module.bias = nn.Parameter(torch.cat([bias, ours]))
                block = modules[name.removesuffix(".conv")]
                if hasattr(block, "bn"):
                    del block.bn
                    block.forward = block.forward_fuse
    except (KeyError, RuntimeError) as error:
        raise DataError(f"{path} is no finder that `sunshine model train` has written: {error}") from None
    unfold_input(model.model[0].conv)


def read_attributes(path: Path) -> AttributeNet:
    """The network that ``export_attributes`` wrote into ``path``, in evaluation mode, its batch norms in its convolutions.

    Temperatures and biases are left out: they are for the answers of those weights alone.

    Raises:
        DataError: ``path`` is no stage 2 that this recipe has exported, or one with other answers.
    """
    stored = _stored(path)
    model: AttributeNet = AttributeNet(None).eval()
    fold_batch_norms(model)
    try:
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if not name.startswith(("temperature.", "bias.")):
                    parameter.copy_(stored[f"network.{name}"])
    except (KeyError, RuntimeError) as error:
        raise DataError(f"{path} is no stage 2 that this `sunshine model train` could have written: {error}") from None
    unfold_input(model.middle[0].conv)
    return model


def _stored(path: Path) -> dict[str, torch.Tensor]:
    """The weights in an ONNX file, by name."""
    try:
        return {each.name: torch.from_numpy(to_array(each).copy()) for each in onnx.load(path).graph.initializer}
    except Exception as error:  # protobuf's errors have no common class
        raise DataError(f"{path} cannot be read as an ONNX file: {error}") from None
