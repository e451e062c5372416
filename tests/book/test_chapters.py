"""What the pages about the chapters read out of them."""

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from odestack.book import chapters, gallery
from odestack.book.colophon import colophon
from odestack.book.pictures import Picture
from odestack.figures.controls import About, Control, explorer

CSV = "x,y\n1,2\n"
CONTENTS = """
format: jb-book
root: intro
parts:
  - caption: Theory
    chapters:
      - file: chapters/first
      - file: chapters/second
  - caption: Reference
    chapters:
      - file: glossary
"""


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (800, 600), "white").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of two chapters, of which the first has been executed, with a figure on show and one that is hidden."""
    image = new_output("display_data", {"image/png": b64encode(png()).decode(), "text/csv": CSV})
    about = {"image": {"alt": "A line"}, "figure": {"name": "fig-line", "caption": "It *rises*."}}
    cells = [
        new_markdown_cell("# The first\n\n**Question.**"),
        new_code_cell("draw()", outputs=[image], metadata={"mystnb": about}),
        new_code_cell("solve()", outputs=[image], metadata={"mystnb": about, "tags": ["hide-cell"]}),
    ]
    run = {"duration": 12.5, "end_time": "2026-01-02T03:04:05+00:00"}
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_toc.yml").write_text(CONTENTS)
    nbformat.write(new_notebook(cells=cells, metadata={"papermill": run}), tmp_path / "chapters" / "first.ipynb")
    return tmp_path


def test_chapters_are_those_of_the_contents_in_their_order(book: Path) -> None:
    assert chapters.documents(book) == [("chapters/first", "Theory"), ("chapters/second", "Theory")]


def test_the_question_of_a_chapter_is_that_of_its_first_cell(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    for name, text in (("asks", "# Title\n\n**Question.** What is\nit?\n\n**Goals.**"), ("tells", "# Title")):
        nbformat.write(new_notebook(cells=[new_markdown_cell(text)]), tmp_path / "notebooks" / f"{name}.ipynb")
    assert chapters.question("chapters/asks", tmp_path) == "What is it?"
    assert chapters.question("chapters/tells", tmp_path) == ""


def test_an_executed_chapter_tells_of_its_run_and_its_figures(book: Path) -> None:
    (chapter,) = chapters.executed(book)
    assert (chapter.name, chapter.part, chapter.title, chapter.code_cells) == ("first", "Theory", "The first", 2)
    assert (chapter.seconds, f"{chapter.ended:%Y-%m-%d %H:%M}") == (12.5, "2026-01-02 03:04")
    assert chapter.pictures == [Picture("fig-line", "fig-line", "It *rises*.", "A line", png(), CSV)]


def test_the_foot_of_a_page_has_its_notebook_its_numbers_and_its_commands(book: Path) -> None:
    executed = nbformat.read(book / "chapters" / "first.ipynb", as_version=4)
    executed.cells.append(new_code_cell('%matplotlib inline\nevidence = gather("headline", profile)'))
    text = colophon(executed, "chapters/first").source
    assert '<a href="../_sources/chapters/first.ipynb" download>' in text
    assert "make book/chapters/first.ipynb" in text
    assert "odestack sweep headline --profile cpu" in text
    assert '<a href="../results_explorer.html?study=headline">headline</a>' in text
    assert '<a href="../data/figures/first/fig-line.csv" download>fig-line</a>: It *rises*.' in text
    assert "<li>" not in text, "Markdown of captions is left as it stands in HTML"


def test_a_page_that_looks_at_every_study_names_all(book: Path) -> None:
    executed = nbformat.read(book / "chapters" / "first.ipynb", as_version=4)
    executed.cells.append(new_code_cell('main = gather("headline")\nfound = [gather(name) for name in STUDIES]'))
    assert "odestack sweep all --profile cpu" in colophon(executed, "chapters/first").source


def test_a_figure_to_play_with_is_found_in_the_page_by_its_anchor(book: Path) -> None:
    about = About("fig-play", "It *moves*. And more.", "A line that moves")
    shown = new_output("display_data", {"text/html": explorer(about, [Control("Size", ["small"])])})
    path = book / "chapters" / "first.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell("play()", outputs=[shown]))
    nbformat.write(notebook, path)
    (chapter,) = chapters.executed(book)
    assert chapter.interactives == [("fig-play", "It *moves*. And more.")]
    card = gallery.page([chapter]).partition("To play with\n")[2]
    assert card.startswith(":link: chapters/first.html#fig-play\n:link-type: url\nIt *moves*.\n")


def test_the_gallery_shows_each_figure_under_its_chapter_and_keeps_its_numbers(book: Path) -> None:
    assert gallery.write(book) == 1
    page = (book / "gallery.md").read_text()
    assert "## Theory" in page
    assert "### The first" in page
    assert ":link: fig-line" in page
    assert ":img-alt: A line" in page
    assert Image.open(book / "gallery" / "first-fig-line.png").width == gallery.WIDTH
    assert (book / "_extra" / "data" / "figures" / "first" / "fig-line.csv").read_text() == CSV
