"""Weights of the same shape that have learned nothing: ``python -m models.untrained OUT``. Needs the onnx package.

With them the product must find no case: what it then reports would come from something other than seeing.
"""

import sys
from pathlib import Path

import numpy as np

from detector.card import load_model
from models.places import WEIGHTS
from models.publish import CLASSES, sha256, write_card

PRIOR = -7.0
"""logit of a class before training: one object of a class among a thousand cells, as training starts from"""


def write_untrained(out: Path) -> None:
    """Write both networks with random weights, and cards that fit them, into the folder ``out``."""
    import onnx
    from onnx import numpy_helper

    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in ("finder", "attributes"):
        card, trained = load_model(WEIGHTS, name, "fp32")
        model = onnx.load_model_from_string(trained)
        arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type not in ("Conv", "Gemm", "MatMul"):
                continue
            kernel = next((i for i in node.input if i in arrays and arrays[i].ndim > 1), None)
            if kernel is None:
                continue
            shape = arrays[kernel].shape
            deviation = np.sqrt(2 / max(1, int(np.prod(shape[1:]))))
            arrays[kernel] = rng.normal(0, deviation, shape).astype(np.float32)
            if node.input[0] in ("images", "crops") or arrays[kernel].shape[1] == 3:
                arrays[kernel] /= 255  # the first layer sees bytes
            for bias in (i for i in node.input if i in arrays and arrays[i].ndim == 1):
                # The class heads of the finder: 80 channels in, one per class out.
                prior = PRIOR if name == "finder" and shape[:2] == (len(CLASSES), 80) else 0.0
                arrays[bias] = np.full_like(arrays[bias], prior)
        for tensor in model.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(arrays[tensor.name], tensor.name))
        onnx.save(model, out / card.file)
        about = {
            "sha256": sha256(out / card.file), "variants": [], "purpose": f"Untrained. {card.purpose}",
            "measured": [], "known_failures": ["It has learned nothing."],
        }  # fmt: skip
        write_card(card.model_copy(update=about), out / f"{name}.yaml")


if __name__ == "__main__":
    write_untrained(Path(sys.argv[1]))
