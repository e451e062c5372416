"""Everything that the site takes out of the executed chapters: a gallery of the figures, and the numbers behind them.

    python -m odestack.book.gallery

Writes book/gallery.md, its small pictures beside it, and CSV files where the pages link to them.
"""

import shutil
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image

from odestack.book.chapters import BOOK, Chapter, executed
from odestack.book.colophon import first_sentence, folder
from odestack.book.pictures import Picture

WIDTH = 480
"""Of the small pictures, in pixels; they are shown at half of that and at full width on a phone."""
HEAD = """# Gallery

Every figure of the chapters. A picture leads to its place there, where its caption, its code and its provenance
are; the numbers behind it are at the foot of that chapter. Cards without a picture are figures to play with; one more
is the {doc}`results_explorer`.
"""


def write(book: Path = BOOK) -> int:
    """Write gallery, small pictures and CSV files anew into a book's folder; returns the number of figures."""
    chapters = executed(book)
    for stale in (book / "gallery", book / "_extra" / "data" / "figures"):
        shutil.rmtree(stale, ignore_errors=True)
    for chapter in chapters:
        for picture in chapter.pictures:
            _write(book / _small(chapter, picture), thumbnail(picture.png))
            if picture.csv:
                numbers = book / "_extra" / folder(chapter.document) / f"{picture.file}.csv"
                _write(numbers, picture.csv.encode())
    _write(book / "gallery.md", page(chapters).encode())
    return sum(len(chapter.pictures) for chapter in chapters)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def page(chapters: list[Chapter]) -> str:
    """The gallery as MyST Markdown: a heading a part, a grid a chapter, a card a figure."""
    blocks = [HEAD]
    for part, members in groupby((each for each in chapters if each.pictures), key=lambda chapter: chapter.part):
        blocks.append(f"## {part}\n")
        for chapter in members:
            drawn = [_card(chapter, picture) for picture in chapter.pictures]
            cards = "\n".join([*drawn, *(_interactive(chapter, *about) for about in chapter.interactives)])
            grid = f"::::{{grid}} 1 2 3 3\n:gutter: 2\n:class-container: gallery\n\n{cards}\n::::\n"
            blocks.append(f"### {chapter.title}\n\n{grid}")
    return "\n".join(blocks)


def _card(chapter: Chapter, picture: Picture) -> str:
    target, kind = (picture.name, "ref") if picture.name else (chapter.document, "doc")
    words = first_sentence(picture.caption or picture.alt)
    return "\n".join(
        (
            ":::{grid-item-card}",
            f":link: {target}",
            f":link-type: {kind}",
            f":img-top: {_small(chapter, picture)}",
            f":img-alt: {picture.alt}",
            words,
            ":::",
        )
    )


def _interactive(chapter: Chapter, name: str, caption: str) -> str:
    link = f":link: {chapter.document}.html#{name}\n:link-type: url"
    return f":::{{grid-item-card}} To play with\n{link}\n{first_sentence(caption)}\n:::"


def _small(chapter: Chapter, picture: Picture) -> str:
    return f"gallery/{chapter.name}-{picture.file}.png"


def thumbnail(png: bytes) -> bytes:
    """The picture at a width of ``WIDTH`` pixels at most, with 64 colours."""
    image = Image.open(BytesIO(png)).convert("RGB")
    image.thumbnail((WIDTH, 4 * WIDTH))
    out = BytesIO()
    image.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    print(f"gallery: {write()} figures")
