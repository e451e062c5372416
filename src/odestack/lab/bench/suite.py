"""The groups of measurements, and the files that they are kept in."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch

from odestack.lab.bench import (
    book,
    cuda,
    determinism,
    growth,
    images,
    integrate,
    operators,
    surfaces,
    train,
    trees,
    tricks,
)
from odestack.lab.bench.measuring import Case, Pace, Result
from odestack.lab.cifar import DATA
from odestack.lab.environment import environment
from odestack.lab.files import write_atomically

FOLDER = DATA / "bench"
GROUPS: dict[str, Callable[[Pace], list[Case]]] = {
    "train": train.cases,
    "tricks": tricks.cases,
    "operators": operators.cases,
    "images": images.cases,
    "growth": growth.cases,
    "integrate": integrate.cases,
    "trees": trees.cases,
    "surfaces": surfaces.cases,
    "determinism": determinism.cases,
    "book": book.cases,
    "cuda": cuda.cases,
}

SUMMARIES: dict[str, Callable[[Result], pd.DataFrame]] = {
    "train": train.summary,
    "tricks": tricks.summary,
    "determinism": determinism.spreads,
}


def measure(group: str, pace: Pace) -> Result:
    """Measure a group now.

    Raises:
        ValueError: no such group.
        Unavailable: this machine lacks what the group measures.
    """
    return measured(group, lambda: GROUPS[checked(group)](pace))


def measured(group: str, cases: Callable[[], list[Case]]) -> Result:
    """What the function measures, as a result of that group."""
    began = perf_counter()
    device = torch.device("cuda" if group == "cuda" and torch.cuda.is_available() else "cpu")
    where = environment(device, False)
    found = cases()
    return Result(group, found, round(perf_counter() - began, 1), where)


def checked(group: str) -> str:
    """The name. Raises ValueError: no such group."""
    if group not in GROUPS:
        raise ValueError(f"benchmark {group!r} does not exist; choose all or some of {', '.join(GROUPS)}")
    return group


def table(result: Result) -> pd.DataFrame:
    """What the group says in short; its ``Result.table`` has all of it."""
    return SUMMARIES.get(result.group, Result.table)(result)


def path(group: str, folder: Path = FOLDER) -> Path:
    return folder / f"{group}.json"


def write(result: Result, folder: Path = FOLDER) -> Path:
    """Put a result into its file, in place of an earlier one."""
    write_atomically(path(result.group, folder), result.to_json().encode())
    return path(result.group, folder)


def read(group: str, folder: Path = FOLDER) -> Result | None:
    """The group's result, None if it was not measured. Raises ValueError: the file is damaged."""
    file = path(checked(group), folder)
    return Result.from_json(file.read_bytes(), str(file)) if file.exists() else None
