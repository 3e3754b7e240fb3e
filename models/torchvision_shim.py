"""Let torchvision's CUDA wheel be imported beside a CPU-only torch, as ultralytics needs.

torchvision registers fake kernels for its compiled operators at import, and fails where those operators do not exist.
Declaring them is enough for the import; ``nms`` itself is never called here (see ``models.boxes.keep_best``).
Call ``install`` before anything imports torchvision.
"""


def install() -> None:
    """Declare torchvision's operators when its compiled part cannot be loaded. Safe to call more than once."""
    import importlib.util

    import torch

    if torch.cuda.is_available() or hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)  # the declarations live as long as the library object
    if importlib.util.find_spec("torchvision"):
        import torchvision.extension

        torchvision.extension._has_ops = lambda: True


_kept: list[object] = []
