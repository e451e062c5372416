"""The slides of the lecture: their figures are the book's, and what is not there yet is said."""

import re

import nbformat

from odestack.book import ROOT, slides
from odestack.book.pictures import Picture

TEXT = (ROOT / "book" / "slides.md").read_text(encoding="utf-8")
BLOCK = Picture("fig-block", "fig-block", "A block.", 'Branches "in a row"', b"png", "")


def test_every_figure_of_the_lecture_is_a_figure_of_a_chapter() -> None:
    notebooks = [nbformat.read(path, as_version=4) for path in (ROOT / "notebooks").glob("*.ipynb")]
    cells = [cell.metadata for notebook in notebooks for cell in notebook.cells]
    names = {cell.get("mystnb", {}).get("figure", {}).get("name") for cell in cells}
    wanted = slides.FIGURE.findall(TEXT)
    assert len(wanted) >= 8
    assert set(wanted) <= names


def test_each_part_is_a_slide_with_its_figure_and_mathematics() -> None:
    text = "# Stacks & steps\n\n---\n\n## One\n\nhere $a_i < b$\n\n$$x = 1$$\n\n![](fig-block)\n"
    html = slides.page(text, {"fig-block": BLOCK}, {})
    assert html.count("<section>") == 2
    assert "<title>Stacks &amp; steps</title>" in html
    assert r"\(a_i &lt; b\)" in html
    assert r"\[x = 1\]" in html
    assert '<img src="data:image/png;base64,cG5n" alt="Branches &quot;in a row&quot;">' in html


def test_a_figure_that_is_not_there_is_named() -> None:
    html = slides.page("# Title\n\n![](fig-later)", {}, {})
    assert "Not run yet" in html
    assert "<code>fig-later</code>" in html
    assert "<img" not in html


def test_computed_words_are_filled_in() -> None:
    html = slides.page(TEXT, {}, {"verdicts": slides.verdicts()})
    assert re.search(r"<td>reproduced</td>\s*<td>C1\b", html)
    assert "{verdicts}" not in html
