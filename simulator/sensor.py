"""What a cheap camera makes of a clean picture."""

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

from simulator.textures import Array


@dataclass(frozen=True)
class Sensor:
    """``cast`` multiplies BGR; ``noise`` is the standard deviation in display values; ``blur_px`` and ``motion_px`` are
    widths; ``crf`` and ``jpeg`` compress (None: not)."""

    exposure: float = 1.0
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    saturation: float = 1.0
    blur_px: float = 0.6
    sharpen: float = 0.3
    noise: float = 0.012
    vignette: float = 0.1
    haze: float = 0.0
    motion_px: int = 0
    crf: int | None = None
    jpeg: int | None = None
    grey: bool = False


def expose(image: Array, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """A display picture 0..1 [h, w, 3] as uint8 BGR with the sensor's faults, before compression."""
    height, width = image.shape[:2]
    x = image * (np.array(sensor.cast, np.float32) * np.float32(sensor.exposure))
    if sensor.haze:
        fog = cv2.resize(rng.random((5, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
        x = x * (1 - sensor.haze * fog) + 0.8 * sensor.haze * fog
    colourful = 0.0 if sensor.grey else sensor.saturation
    if colourful != 1.0:
        grey = (x @ np.array([0.114, 0.587, 0.299], np.float32))[..., None]
        x = grey + (x - grey) * np.float32(colourful)
    if sensor.contrast != 1.0:
        x = (x - 0.45) * np.float32(sensor.contrast) + 0.45
    if sensor.vignette:
        yy, xx = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        x = x * (1 - sensor.vignette * (xx**2 + yy**2) / 2)[..., None].astype(np.float32)
    if sensor.blur_px > 0.2:
        x = cv2.GaussianBlur(x, (0, 0), sensor.blur_px)
    if sensor.motion_px > 1:
        x = cv2.blur(x, (sensor.motion_px, 1))
    if sensor.sharpen:
        x = cv2.addWeighted(x, 1 + sensor.sharpen, cv2.GaussianBlur(x, (0, 0), 1.4), -sensor.sharpen, 0)
    if sensor.noise:
        grain = rng.standard_normal((height, width, 1), np.float32)
        if not sensor.grey:
            chroma = rng.standard_normal((height // 4, width // 4, 3), np.float32)
            grain = grain + np.float32(0.7) * cv2.resize(chroma, (width, height))
        # Dark parts of a picture are noisier.
        x = x + grain * (np.float32(1.25 * sensor.noise) - np.float32(0.6 * sensor.noise) * x)
    value: np.ndarray = (np.clip(x, 0, 1) * 255 + 0.5).astype(np.uint8)
    return value


def compress(picture: np.ndarray, sensor: Sensor) -> np.ndarray:
    """The picture after the camera's H.264 key frame or JPEG."""
    if sensor.crf is not None:
        codec = av.VideoCodecContext.create("libx264", "w")
        codec.height, codec.width = picture.shape[:2]
        codec.pix_fmt, codec.time_base = "yuv420p", Fraction(1, 25)
        codec.options = {"crf": str(sensor.crf), "preset": "veryfast", "tune": "zerolatency"}
        codec.thread_count = 1
        packets = [*codec.encode(av.VideoFrame.from_ndarray(picture, "bgr24")), *codec.encode(None)]
        decoder = av.VideoCodecContext.create("h264", "r")
        frames = [f for p in packets for f in decoder.decode(p)] + list(decoder.decode(None))
        picture = frames[0].to_ndarray(format="bgr24")
    if sensor.jpeg is not None:
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg])[1]
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return picture
