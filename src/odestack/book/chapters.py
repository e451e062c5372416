"""The executed chapters of the book, for the pages that tell of them: status, reproduction, gallery."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nbformat
import yaml

from odestack.book import ROOT
from odestack.book.pictures import Picture, interactives, pictures
from odestack.book.publish import is_code

BOOK = ROOT / "book"
QUESTION = "**Question.**"


@dataclass(frozen=True)
class Chapter:
    """An executed chapter.

    Attributes:
        document: its name in the contents, such as "chapters/02_error_theory".
        part: of the book.
        title: its first heading.
        code_cells: number of code cells.
        seconds: that its notebook ran.
        ended: when that was, in UTC.
        pictures: in reading order.
        interactives: name and caption of each figure to play with.
    """

    document: str
    part: str
    title: str
    code_cells: int
    seconds: float
    ended: datetime
    pictures: list[Picture]
    interactives: list[tuple[str, str]]

    @property
    def name(self) -> str:
        return Path(self.document).name


def documents(book: Path = BOOK) -> list[tuple[str, str]]:
    """Document name and part of every chapter, in the order of the contents."""
    parts = yaml.safe_load((book / "_toc.yml").read_text())["parts"]
    files = [(chapter["file"], part["caption"]) for part in parts for chapter in part["chapters"]]
    return [(file, part) for file, part in files if file.startswith("chapters/")]


def question(document: str, folder: Path = ROOT) -> str:
    """The question that a chapter opens with."""
    first = nbformat.read(folder / "notebooks" / f"{Path(document).name}.ipynb", as_version=4).cells[0].source
    lines = [line for line in first.split("\n\n") if line.startswith(QUESTION)]
    return " ".join(lines[0].removeprefix(QUESTION).split()) if lines else ""


def executed(book: Path = BOOK) -> list[Chapter]:
    """The chapters of the contents that have been executed, in that order."""
    found = [(book / f"{document}.ipynb", document, part) for document, part in documents(book)]
    return [_chapter(path, document, part) for path, document, part in found if path.is_file()]


def _chapter(path: Path, document: str, part: str) -> Chapter:
    notebook = nbformat.read(path, as_version=4)
    run = notebook.metadata.papermill
    return Chapter(
        document,
        part,
        notebook.cells[0].source.splitlines()[0].removeprefix("# "),
        sum(map(is_code, notebook.cells)),
        run.duration,
        datetime.fromisoformat(run.end_time),
        list(pictures(notebook)),
        list(interactives(notebook)),
    )
