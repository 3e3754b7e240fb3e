"""QR codes inside a page: what they hold is shown once, so it has no address of its own."""

import cv2
from markupsafe import Markup

# ISO/IEC 18004: four modules of quiet zone.
_QUIET = 4


def qr_svg(text: str, label: str) -> Markup:
    modules = cv2.QRCodeEncoder.create().encode(text)
    side = modules.shape[0] + 2 * _QUIET
    dark = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z" for y, row in enumerate(modules) for x, shade in enumerate(row) if shade == 0
    )
    return Markup(
        '<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="{label}" shape-rendering="crispEdges">'
        '<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{dark}"/></svg>'
    ).format(side=side, label=label, dark=dark)
