"""One picture of a density measurement, as SVG: CPU for each camera, three bars for each key-frame interval."""

from pathlib import Path
from xml.sax.saxutils import escape

from bench.density import Density

COLOURS = {"obvious way": "#b0aca2", "edge": "#2f6f4d", "floor": "#8fb9dc"}
BAR, GAP, LEFT, SCALE_PX = 26, 14, 190, 560


def write_chart(density: Density, path: Path) -> None:
    """Raises OSError."""
    ways = {"obvious way": density.obvious, "edge": density.edge, "floor": density.floor}
    bars = [
        (f"GOP {gop}, {name}", 1000 * sides[gop].cpu_share, COLOURS[name])
        for gop in density.edge for name, sides in ways.items() if gop in sides
    ]
    if density.empty is not None:
        bars.append((f"GOP {max(density.edge)}, edge, empty kitchen", 1000 * density.empty.cpu_share, COLOURS["edge"]))
    most = max(value for _, value, _ in bars)
    height = 60 + len(bars) * (BAR + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + SCALE_PX + 120}" height="{height}" font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="24" font-size="16">CPU milliseconds for each second of each 1080p25 camera</text>',
    ]
    for i, (name, value, colour) in enumerate(bars):
        y, width = 44 + i * (BAR + GAP), SCALE_PX * value / most
        lines += [
            f'<text x="{LEFT - 8}" y="{y + 18}" font-size="12" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LEFT + width + 6:.1f}" y="{y + 18}" font-size="12">{value:.1f}</text>',
        ]
    path.write_text("\n".join([*lines, "</svg>"]) + "\n")
