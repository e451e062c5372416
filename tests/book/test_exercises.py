"""Exercises are graded, test the chapter's learning goals, and have solutions whose code is run with the chapter."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from odestack.book.publish import tags

FOLDER = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(FOLDER.glob("*.ipynb"))
NUMBERED = [path for path in CHAPTERS if path.stem[0].isdigit() or path.stem in ("threats_to_validity", "scorecard")]
HEADING = re.compile(r"^\*\*(\d) \(([a-z-]+); goals? ([\d, ]+)\)\.", re.MULTILINE)
BOX = re.compile(r"^```\{admonition\} Common misconceptions\n:class: warning\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def exercises(chapter: NotebookNode) -> list[NotebookNode]:
    """The cells from the one with the heading on."""
    start = next(i for i, cell in enumerate(chapter.cells) if re.search("^## Exercises", cell.source, re.MULTILINE))
    return chapter.cells[start:]


def test_exercises_are_graded_and_name_every_goal_of_the_chapter(chapter: NotebookNode) -> None:
    opening = chapter.cells[0].source.partition("**Learning goals")[2].partition("**Prerequisites")[0]
    goals = len(re.findall(r"^1\. ", opening, re.MULTILINE))
    found = HEADING.findall("\n".join(cell.source for cell in exercises(chapter)))
    assert [(number, grade) for number, grade, _ in found] == [("1", "warm-up"), ("2", "core"), ("3", "project")]
    tested = {int(goal) for *_, named in found for goal in named.split(",")}
    assert goals >= 2
    assert tested == set(range(1, goals + 1))


def test_each_solution_is_followed_by_code_that_runs_with_the_chapter(chapter: NotebookNode) -> None:
    cells = exercises(chapter)
    solutions = [i for i, cell in enumerate(cells) if "{dropdown} Solution" in cell.source]
    assert len(solutions) == 3
    for i in solutions:
        assert cells[i + 1].cell_type == "code"
        assert "hide-cell" in tags(cells[i + 1])


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.stem)
def test_each_chapter_names_some_misconceptions(path: Path) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    (box,) = BOX.findall(text)
    assert len(re.findall(r"^- \*“[^”]+”\* \S", box, re.MULTILINE)) in (2, 3, 4)
    assert text.index("Common misconceptions") > text.index("## What we found")
