"""The figures of an executed notebook."""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from nbformat import NotebookNode

HIDDEN = {"remove-cell", "remove-output", "hide-cell", "hide-output"}
INTERACTIVE = re.compile(r'class="interactive" id="([^"]+)".*<p class="caption">(.*?)</p>', re.DOTALL)
"""In the HTML of ``figures.controls``."""


@dataclass(frozen=True)
class Picture:
    """A figure that a reader sees.

    Attributes:
        file: its name in file names, such as "fig-zoo-orders", or "figure-3" for one without a name.
        name: by which other pages refer to it; may be empty.
        caption: may be empty.
        alt: text in its place for those who cannot see it.
        png: the picture.
        csv: the numbers behind it (``figures.data``); may be empty.
    """

    file: str
    name: str
    caption: str
    alt: str
    png: bytes
    csv: str


def pictures(executed: NotebookNode) -> Iterator[Picture]:
    """The figures of an executed notebook in reading order, without those in hidden cells."""
    drawn = [(metadata.mystnb, data) for metadata, data in _shown(executed) if "image/png" in data]
    for number, (about, data) in enumerate(drawn, start=1):
        figure = about.get("figure", {})
        name = figure.get("name", "")
        caption, csv = figure.get("caption", ""), data.get("text/csv", "")
        yield Picture(name or f"figure-{number}", name, caption, about.image.alt, b64decode(data["image/png"]), csv)


def interactives(executed: NotebookNode) -> Iterator[tuple[str, str]]:
    """Name and caption of each figure that a reader plays with."""
    for _, data in _shown(executed):
        if found := INTERACTIVE.search(data.get("text/html", "")):
            yield found[1], unescape(found[2])


def _shown(executed: NotebookNode) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    """A cell's metadata and the data of each output that a reader sees."""
    for cell in executed.cells:
        if cell.cell_type == "code" and HIDDEN.isdisjoint(cell.metadata.get("tags", [])):
            yield from ((cell.metadata, output.data) for output in cell.outputs if "data" in output)
