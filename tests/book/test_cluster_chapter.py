"""What chapter 15 found on its Ray cluster of two workers, on this machine, when the book was built."""

import nbformat
import pytest

from odestack.book import ROOT


@pytest.fixture(scope="module")
def shown() -> list[str]:
    """The text of every output."""
    chapter = nbformat.read(ROOT / "book" / "chapters" / "15_scaling_out.ipynb", as_version=4)
    data = [output.get("data", {}) for cell in chapter.cells for output in cell.get("outputs", [])]
    return [each.get("text/markdown") or each.get("text/plain") or "" for each in data]


def test_the_run_of_a_killed_worker_is_taken_up_by_another(shown: list[str]) -> None:
    (said,) = [text for text in shown if text.startswith(("Workers killed", "*not run: "))]
    assert said == (
        "Workers killed: 1. Records in the end: 2 of 2, 2 of them equal to those of runs that nobody interrupted. "
        "Left over: 0 checkpoints, locks and temporary files, 0 processes of the cluster."
    )


def test_every_executor_leaves_the_same_records(shown: list[str]) -> None:
    (table,) = [text for text in shown if "cluster up (s)" in text]
    ends = [line.split()[-2:] for line in table.splitlines() if line.startswith(("this", "two", "Ray"))]
    assert ends == [["4", "4"]] * 3
