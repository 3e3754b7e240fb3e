"""Which device of this machine decodes video, where that was asked for."""

from importlib.resources import files

import av
import structlog
from av.codec.hwaccel import HWAccel, hwdevices_available

log = structlog.get_logger(__name__)


def decoding_device() -> str | None:
    """The first kind of device with which the demo clip is really decoded here; None, and a warning, where there is none."""
    for device in hwdevices_available():
        if _decodes(device):
            log.info("hardware_decoding", device=device)
            return device
    log.warning(
        "no_hardware_decoding", tried=hwdevices_available(),
        words="This machine has no device that decodes video, or its driver is missing. The processor decodes, as without "
        "--decoder auto. 本机没有可用的视频硬件解码设备（或缺少驱动），改由处理器解码。",
    )
    return None


def _decodes(device: str) -> bool:
    clip = str(files("configs") / "demo" / "kitchen.mp4")
    try:
        with av.open(clip, hwaccel=HWAccel(device, allow_software_fallback=False)) as container:
            return any(True for _ in container.decode(video=0)) and container.streams.video[0].codec_context.is_hwaccel
    except (av.FFmpegError, OSError, RuntimeError, ValueError, NotImplementedError):
        return False
