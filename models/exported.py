"""Weights back out of a finder's ONNX file, to train on from them. Training environment."""

import re
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from models.data import DataError
from models.export import unfold_input


def read_finder(model: nn.Module, path: Path) -> None:
    """Set the weights of ``model`` (``finder.build``) to those that ``export_finder`` wrote into ``path``.

    The export has put each batch norm into its convolution, and so does this: ``model`` has none any more. It has left out the
    one-to-many branches, which only training uses: they begin as their one-to-one twins. Classes that ``model`` knows besides
    come after those of the file, and keep the weights that they have.

    Raises:
        DataError: ``path`` is no finder that this recipe has exported.
    """
    try:
        stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    except Exception as error:  # protobuf's errors have no common class
        raise DataError(f"{path} cannot be read as an ONNX file: {error}") from None
    modules = dict(model.named_modules())
    classes = {name for name in modules if re.search(r"\.(one2one_)?cv3\.\d\.2$", name)}
    twin = rf"^(model\.{len(model.model) - 1}\.)(cv[23])\."
    try:
        with torch.no_grad():
            for name, module in modules.items():
                if not isinstance(module, nn.Conv2d):
                    continue
                there = "network." + re.sub(twin, r"\1one2one_\2.", name)
                weight, bias = (torch.from_numpy(stored[f"{there}.{part}"].copy()) for part in ("weight", "bias"))
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
