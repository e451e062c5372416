"""What chapter 15 found on its Ray cluster of two workers, on this machine, when the book was built."""

import re

import pytest
from website import SITE


@pytest.fixture(scope="module")
def text() -> str:
    page = (SITE / "chapters" / "15_scaling_out.html").read_text()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_run_of_a_killed_worker_is_taken_up_by_another(text: str) -> None:
    assert (
        "Workers killed: 1. Records in the end: 2 of 2, 2 of them equal to those of runs that nobody interrupted. "
        "Left over: 0 checkpoints and locks, 0 processes of the cluster."
    ) in text


@pytest.mark.parametrize("executor", ["this process", "two processes", "Ray, two workers"])
def test_every_executor_leaves_the_same_records(executor: str, text: str) -> None:
    assert re.search(rf"{executor} [0-9.]+ [0-9.]+ 4 4 ", text)
