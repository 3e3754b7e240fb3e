"""The stage-1 net as its makers export it: float pictures in RGB, 0 to 1, channels first, 640 x 640, for ultralytics' `predict`.

The parameters are those of the shipped file; only its entrance (bytes, BGR, channels last) is taken back. Training environment.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 640


def write_float_finder(weights: Path, classes: list[str], out: Path) -> None:
    """Raises ValueError when the file does not begin as `models.export` makes it."""
    model = onnx.load(weights)
    graph = model.graph
    image = graph.input[0].name
    entrance = []
    node = None
    for node in graph.node:
        if node.op_type == "Conv":
            break
        entrance.append(node)
    if node is None or [one.op_type for one in entrance if one.op_type in ("Transpose", "Cast")] != ["Transpose", "Cast"]:
        raise ValueError(f"{weights} does not begin with Transpose, Cast, Conv.")
    kernel = next(one for one in graph.initializer if one.name == node.input[1])
    folded = numpy_helper.to_array(kernel)
    kernel.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(folded[:, ::-1] * 255).astype(np.float32), kernel.name))
    fed = entrance[-1].output[0]
    for one in entrance:
        if one.op_type in ("Transpose", "Cast"):
            graph.node.remove(one)
    for one in graph.node:
        one.input[:] = [image if name == fed else name for name in one.input]
    graph.input[0].CopyFrom(helper.make_tensor_value_info(image, TensorProto.FLOAT, [1, 3, SIDE, SIDE]))
    about = {"stride": "32", "task": "detect", "batch": "1", "imgsz": f"[{SIDE}, {SIDE}]", "end2end": "True",
             "names": str(dict(enumerate(classes)))}
    helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, out)
