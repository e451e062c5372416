"""The chapters as their authors commit them: complete, without outputs, in the order of the contents."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode

from odestack.book import ROOT
from odestack.book.colophon import first_sentence
from odestack.book.publish import is_code
from odestack.methods import catalogue

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FRONT = sorted((ROOT / "notebooks" / "pages").glob("*.ipynb"))
GENERATED = {"gallery"}
"""Pages that the build writes."""
OPENING = ("**Question.**", "**Learning goals", "**Prerequisites.**", "**Running time.**")
SECTIONS = ("## What we found", "## Exercises", "## References")
LONGEST_CELL = 20
PROVENANCE = re.compile(r"figures\.(provenance|computed|measured)\(")
EXPLORER = re.compile(r"^(?:figures\.interactive|stack_explorer)\(", re.MULTILINE)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    """A chapter."""
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(params=[*NOTEBOOKS, *FRONT], ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest) -> NotebookNode:
    """A chapter, or another page that is a notebook, such as the front page."""
    return nbformat.read(request.param, as_version=4)


def prose(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_table_of_contents_and_folder_agree() -> None:
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    files = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    chapters = [Path(file).name for file in files if "/" in file]
    assert sorted(chapters) == [path.stem for path in NOTEBOOKS]
    numbered = [name for name in chapters if name[0].isdigit()]
    assert numbered == sorted(numbered)
    pages = [toc["root"], *(file for file in files if "/" not in file)]
    texts = {path.stem for path in (ROOT / "book").glob("*.md")} - GENERATED
    assert {page for page in pages if page not in texts} == {path.stem for path in FRONT} | GENERATED


def test_committed_without_outputs(page: NotebookNode) -> None:
    for cell in filter(is_code, page.cells):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_a_caption_begins_with_plain_words(page: NotebookNode) -> None:
    """Its first sentence also names the figure's numbers at the foot of the page, outside of MyST."""
    captions = [cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "") for cell in page.cells]
    assert [caption for caption in captions if "}`" in first_sentence(caption)] == []


def test_where_each_figure_comes_from_is_said_below_it(notebook: NotebookNode) -> None:
    """Below it, or below the last of several, and before the next heading. Solutions draw from what is there."""
    open_figures: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^#+ ", cell.source, re.MULTILINE):
            assert open_figures == []
        elif PROVENANCE.search(cell.source):
            open_figures.clear()
        elif "hide-cell" not in cell.metadata.get("tags", []):
            figure = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            open_figures += [name for name in (figure, *EXPLORER.findall(cell.source)) if name]


def test_code_cells_are_short(page: NotebookNode) -> None:
    cells = [cell.source.splitlines() for cell in filter(is_code, page.cells)]
    assert [lines[0] for lines in cells if len(lines) > LONGEST_CELL] == []


def test_every_part_of_a_chapter_is_there(notebook: NotebookNode) -> None:
    first = notebook.cells[0].source
    assert first.startswith("# ")
    assert [part for part in OPENING if part not in first] == []
    headings = re.findall(r"^## .*", prose(notebook), re.MULTILINE)
    assert [heading for heading in headings if heading in SECTIONS] == list(SECTIONS)


def test_three_exercises_with_solutions(notebook: NotebookNode) -> None:
    exercises = prose(notebook).partition("## Exercises")[2]
    numbers = re.findall(r"^\*\*(\d+)\b", exercises, re.MULTILINE)
    assert numbers == ["1", "2", "3"]
    assert len(re.findall(r"^```\{dropdown\} Solution", exercises, re.MULTILINE)) == 3


def test_every_citation_is_in_the_bibliography(page: NotebookNode) -> None:
    known = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.MULTILINE))
    groups = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", prose(page))
    assert {key.strip() for group in groups for key in group.split(",")} <= known


def test_every_source_of_the_catalogue_is_in_the_bibliography() -> None:
    bibliography = (ROOT / "book" / "references.bib").read_text()
    sources = {name: catalogue.get(name).source for name in catalogue.names()}
    assert {name: source for name, source in sources.items() if f"{{{source}," not in bibliography} == {}
