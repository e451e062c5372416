"""Measurements made in turn, and what is kept of them."""

import json
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median
from typing import Any, TypeVar

import numpy as np
import pandas as pd

WARM_UP = 4
"""Steps before each measurement; they also empty what a loader's workers prepared while they waited. Fewer where they
take longer than half of the measurement."""
LONGEST = 600
"""Seconds of one measurement at most."""

Steps = Iterator[object]
Name = TypeVar("Name", bound=Hashable)


class Unavailable(RuntimeError):
    """What cannot be measured on this machine; the message says what it would need."""


@dataclass(frozen=True)
class Pace:
    """How long to measure: each thing for so many seconds, in so many rounds.

    Raises:
        ValueError: ``repeats`` is below 1, or ``seconds`` is not in (0, ``LONGEST``].
    """

    seconds: float = 1.0
    repeats: int = 3

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats is {self.repeats}, but must be at least 1")
        if not 0 < self.seconds <= LONGEST:
            raise ValueError(f"seconds is {self.seconds:g}, but must be more than 0 and at most {LONGEST}")


@dataclass(frozen=True)
class Case:
    """One thing measured.

    Attributes:
        name: what it is.
        settings: under which it was measured, such as the width.
        unit: of the samples.
        samples: one a round.
        baseline: name of the case with the same settings and unit that its ratio is to.
    """

    name: str
    settings: dict[str, Any]
    unit: str
    samples: list[float]
    baseline: str | None = None

    @property
    def median(self) -> float:
        return median(self.samples)


@dataclass(frozen=True)
class Result:
    """What a group measured, where, and how many seconds that took."""

    group: str
    cases: list[Case]
    seconds: float
    environment: dict[str, Any] = field(repr=False)

    def ratios(self, case: Case) -> list[float]:
        """The case over its baseline, round by round; empty without one."""
        for other in self.cases:
            if (other.name, other.settings, other.unit) == (case.baseline, case.settings, case.unit):
                return [a / b for a, b in zip(case.samples, other.samples, strict=True)]
        return []

    def table(self) -> pd.DataFrame:
        """One row a case: name, settings, unit, median and quartiles (low, high) of samples, and the same of ratios."""
        rows = []
        for case in self.cases:
            ratios = self.ratios(case)
            row = {"case": case.name, **case.settings, "unit": case.unit}
            row["low"], row["median"], row["high"] = quartiles(case.samples)
            if ratios:
                row["ratio_low"], row["ratio"], row["ratio_high"] = quartiles(ratios)
            rows.append(row)
        return pd.DataFrame(rows)

    def to_json(self) -> str:
        cases = []
        for case in self.cases:
            ratios = self.ratios(case)
            cases.append({**asdict(case), "median": case.median, "ratio": median(ratios) if ratios else None})
        return json.dumps({**asdict(self), "cases": cases}, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "result") -> "Result":
        """Raises ValueError: not a result."""
        try:
            data = json.loads(text)
            kept = ("name", "settings", "unit", "samples", "baseline")
            cases = [Case(**{name: case[name] for name in kept}) for case in data["cases"]]
            return cls(data["group"], cases, data["seconds"], data["environment"])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{where} is not a benchmark's result ({error}): measure it again") from None


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile: no single round in which the machine stood still moves them far."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return low, middle, high


def in_turn(measures: Mapping[Name, Callable[[], float]], repeats: int) -> dict[Name, list[float]]:
    """Each measured once a round, so that a slow moment of the machine does not meet one of them alone."""
    samples: dict[Name, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            samples[name].append(measure())
    return samples


def rates(
    loops: Mapping[Name, Steps], repeats: int, seconds: float, clock: Callable[[], float] = time.perf_counter
) -> dict[Name, list[float]]:
    """Steps per second of each loop in each round, measured for so many seconds and one step at least. The clock may be
    that of this thread's processor time."""
    return in_turn({name: partial(rate, steps, seconds, clock) for name, steps in loops.items()}, repeats)


def median_rates(
    loops: Mapping[Name, Steps], repeats: int, seconds: float, clock: Callable[[], float] = time.perf_counter
) -> dict[Name, float]:
    """The medians of ``rates``."""
    return {name: median(measured) for name, measured in rates(loops, repeats, seconds, clock).items()}


def rate(steps: Steps, seconds: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Steps per second after warming up."""
    began = time.perf_counter()
    for _ in range(WARM_UP):
        next(steps)
        if time.perf_counter() - began > seconds / 2:
            break
    done, began = 0, clock()
    while (elapsed := clock() - began) < seconds:
        next(steps)
        done += 1
    return done / elapsed


def duration(action: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def repeated(action: Callable[[], object]) -> Steps:
    """A loop of which each step is the action."""
    while True:
        yield action()
