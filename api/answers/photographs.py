"""Photographs that people send: decoded, turned upright, made smaller, and encoded anew. What else the file held (the place where
it was taken, comments, anything appended) is gone with that.
"""

import hashlib
import io
import struct
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from PIL import ExifTags, Image, UnidentifiedImageError

from api.kit.pictures import NotAPicture
from api.kit.times import SHOP_TIME

# What the cameras of phones and their browsers send; more decoders would be more to attack.
FORMATS = ("JPEG", "PNG", "WEBP")
# The usual limit of phones; decoded, 150 MB.
LARGEST_PIXELS = 50_000_000
# Enough to read a label in a kitchen, some 600 kB.
LONGEST_SIDE_PX = 2048
_JPEG_QUALITY = 86
# What Pillow raises for notes of a camera (EXIF) that are not as they should be. The picture may be good all the same.
_UNREADABLE = (KeyError, ValueError, OverflowError, TypeError, SyntaxError, OSError, struct.error)
# What brings a picture upright, by its orientation (EXIF 2.32, 4.6.4). Pillow's own exif_transpose writes all other fields anew,
# and fails where a phone wrote one of them wrong.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}

# Pillow's own limit is above ours: an error before anything is unfolded, not a line in the log.
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Decoded:
    """A JPEG of our own making. `taken_at` is None where the file does not say."""

    content: bytes
    sha256: str
    sent_sha256: str
    width: int
    height: int
    taken_at: datetime | None


def decode(sent: bytes) -> Decoded:
    """Raises NotAPicture, which says what to do."""
    try:
        with Image.open(io.BytesIO(sent), formats=FORMATS) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise _too_many_pixels()
            turn, taken_at = _turn(picture), _taken_at(picture)
            picture.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))  # a large JPEG is decoded at a part of its size
            upright = picture if turn is None else picture.transpose(turn)
            upright.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
            # A new one carries nothing of the old but its pixels.
            clean = Image.new("RGB", upright.size, "white")
            clean.paste(upright, mask=upright.getchannel("A") if "A" in upright.getbands() else None)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error) as error:
        raise NotAPicture("This is no photograph that can be read. Send a JPEG, PNG or WebP from the phone's camera.") from error
    written = io.BytesIO()
    clean.save(written, "JPEG", quality=_JPEG_QUALITY)
    content = written.getvalue()
    return Decoded(
        content, hashlib.sha256(content).hexdigest(), hashlib.sha256(sent).hexdigest(), clean.width, clean.height, taken_at
    )


def _too_many_pixels() -> NotAPicture:
    return NotAPicture(f"The photograph has more than {LARGEST_PIXELS // 1_000_000} million pixels. Send a smaller one.")


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """What brings it upright; None where it is, or does not say."""
    try:
        return _TURNS.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _UNREADABLE:
        return None


def _taken_at(picture: Image.Image) -> datetime | None:
    """When the phone says that it was taken (EXIF 2.32, DateTimeOriginal); without a zone, in the time of the shops."""
    try:
        fields = picture.getexif().get_ifd(ExifTags.IFD.Exif)
        taken = datetime.strptime(str(fields[ExifTags.Base.DateTimeOriginal]), "%Y:%m:%d %H:%M:%S")
        offset = str(fields.get(ExifTags.Base.OffsetTimeOriginal, ""))
        if len(offset) == 6 and offset[0] in "+-":
            sign = -1 if offset[0] == "-" else 1
            ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
            return taken.replace(tzinfo=timezone(sign * ahead)).astimezone(UTC)
        return taken.replace(tzinfo=SHOP_TIME).astimezone(UTC)
    except _UNREADABLE:
        return None
