"""QR codes for paper and pages."""

import cv2


def qr_png(text: str) -> bytes:
    """A QR code with its quiet zone of four modules (ISO/IEC 18004), eight pixels each."""
    modules = cv2.QRCodeEncoder.create().encode(text)
    framed = cv2.copyMakeBorder(modules, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=255)
    large = cv2.resize(framed, None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    content: bytes = cv2.imencode(".png", large)[1].tobytes()
    return content
