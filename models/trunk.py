"""What both stages start from: YOLO26n as COCO made it. Training environment."""

from pathlib import Path

from torch import nn

from models.torchvision_shim import install

install()
from ultralytics import YOLO  # noqa: E402
from ultralytics.nn.tasks import DetectionModel  # noqa: E402


def coco(start: Path | None) -> nn.Module:
    """YOLO26n with COCO's 80 classes; weights from the checkpoint ``start``, or random without one."""
    model = DetectionModel("yolo26n.yaml", nc=80, verbose=False)
    if start is not None:
        model.load_state_dict(YOLO(start).model.float().state_dict())
    return model
