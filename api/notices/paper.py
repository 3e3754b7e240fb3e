"""Paper: HTML set as an A4 PDF with an embedded font that has Chinese characters (Droid Sans Fallback, carried by PyMuPDF under
the Apache licence). What the font lacks is never a box on a document that went out: it is found before.
"""

import io
import re
from functools import cache

import pymupdf
from markupsafe import Markup

# Sides in points: 25 mm and 20 mm.
_MARGINS = (71, 57, -71, -57)
_STYLE = """
@font-face { font-family: paper; src: url(paper.ttf); }
body { font-family: paper; font-size: 10.5pt; line-height: 1.6; }
h1 { font-size: 18pt; text-align: center; margin: 0 0 6pt; }
h2 { font-size: 11pt; margin: 8pt 0 0; }
p { margin: 0 0 3pt; }
.centre { text-align: center; }
.end { text-align: right; }
.small { font-size: 9pt; }
.draft { text-align: center; color: #a8201a; border: 1px solid #a8201a; padding: 3pt; margin: 0 0 6pt; }
.mark { color: #a8201a; }
.qr { width: 70pt; height: 70pt; }
.sign { font-size: 13pt; }
.sign h1 { font-size: 28pt; }
.sign h2 { font-size: 14pt; }
"""

_LINK, _LIGATURE = re.compile(r"https?://[\w./:~-]+"), re.compile("(?<=f)(?=[fil])")


class NoSuchCharacter(ValueError):
    """The font has no picture for these characters."""

    def __init__(self, characters: list[str]) -> None:
        super().__init__(", ".join(f"{character} (U+{ord(character):04X})" for character in characters))
        self.characters = characters


@cache
def _font() -> pymupdf.Font:
    return pymupdf.Font("cjk")


def missing_characters(text: str) -> list[str]:
    """Those that the font has no picture for, each once, in order."""
    return [character for character in dict.fromkeys(text) if not character.isspace() and not _font().has_glyph(ord(character))]


def write_pdf(html: str, title: str, watermark: str | None = None, pictures: dict[str, bytes] | None = None) -> bytes:
    """`html` is the inside of a body; `pictures` are PNG files by the name that it calls them. Raises NoSuchCharacter."""
    if missing := missing_characters(Markup(html).striptags() + (watermark or "")):  # noqa: S704 - read, not shown
        raise NoSuchCharacter(missing)
    archive = pymupdf.Archive()
    archive.add(_font().buffer, "paper.ttf")
    for name, content in (pictures or {}).items():
        archive.add(content, name)
    # "fl" and the like are set as one letter, and whoever copies a link off the document would get that: not the same address.
    html = _LINK.sub(lambda link: _LIGATURE.sub("<wbr>", link[0]), html)
    story = pymupdf.Story(html, user_css=_STYLE, archive=archive)
    sheet = pymupdf.paper_rect("a4")
    written = io.BytesIO()
    writer = pymupdf.DocumentWriter(written)
    is_more = True
    while is_more:
        device = writer.begin_page(sheet)
        is_more, _ = story.place(sheet + _MARGINS)
        story.draw(device)
        writer.end_page()
    writer.close()
    document = pymupdf.open("pdf", written.getvalue())
    for page in document if watermark else ():
        _mark(page, watermark or "")
    document.set_metadata({"title": title})
    document.subset_fonts()
    finished: bytes = document.tobytes(garbage=4, deflate=True, no_new_id=True)
    return finished


def _mark(page: pymupdf.Page, words: str) -> None:
    """Across the sheet, large and pale."""
    size = 0.9 * page.rect.width / max(1.0, _font().text_length(words, 1))
    middle = pymupdf.Point(page.rect.width / 2, page.rect.height / 2)
    start = middle - (_font().text_length(words, size) / 2, -size / 3)
    writer = pymupdf.TextWriter(page.rect, opacity=0.18, color=(0.66, 0.13, 0.1))
    writer.append(start, words, font=_font(), fontsize=size)
    writer.write_text(page, morph=(middle, pymupdf.Matrix(45)))
