"""What the engine is meant to reach, and whether the measurements say that it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan, nan

import pandas as pd

from odestack.lab.bench import images, train
from odestack.lab.bench.measuring import Result

Results = Mapping[str, Result | None]


@dataclass(frozen=True)
class Goal:
    """A limit on what ``measure`` finds in the results (NaN where it was not measured); the text has it in words."""

    text: str
    limit: float
    at_least: bool
    measure: Callable[[Results], float]
    form: str

    def verdict(self, value: float) -> str:
        if isnan(value):
            return "not run"
        return "met" if (value >= self.limit if self.at_least else value <= self.limit) else "not met"


def judged(results: Results) -> pd.DataFrame:
    """One row a goal: goal, asked, measured, verdict (met, not met, not run)."""
    rows = []
    for goal in GOALS:
        value = goal.measure(results)
        sign = "≥" if goal.at_least else "≤"
        shown = "–" if isnan(value) else goal.form.format(value)
        asked = f"{sign}\N{NO-BREAK SPACE}{goal.form.format(goal.limit)}"
        row = {"goal": goal.text, "asked": asked, "measured": shown}
        rows.append(row | {"verdict": goal.verdict(value)})
    return pd.DataFrame(rows)


def _training(column: str, loop: str, width: int) -> Callable[[Results], float]:
    """The lowest value over the depths; NaN where the engine did not compute in bf16."""

    def measure(results: Results) -> float:
        if (result := results.get("train")) is None:
            return nan
        table = train.summary(result)
        chosen = (table["loop"] == loop) & (table["width"] == width) & (table["precision"] == "bf16")
        return table.loc[chosen, column].min()

    return measure


def _data_share(results: Results) -> float:
    return _ratio(results.get("images"), images.ENGINE)


def _seconds_to_ready(results: Results) -> float:
    result = results.get("images")
    found = [case.median for case in result.cases if case.name == "cifar10 ready"] if result else []
    return found[0] if found else nan


def _memory_of_order_four(results: Results) -> float:
    """Peak memory of the RK4 network over that of the Euler network of equal depth, less one."""
    if (result := results.get("growth")) is None:
        return nan
    memory = {
        case.settings["scheme"]: case.median
        for case in result.cases
        if case.name == "memory of a step" and case.settings["axis"] == "scheme"
    }
    return memory["rk4"] / memory["euler"] - 1 if {"rk4", "euler"} <= memory.keys() else nan


def _seconds_for_a_plane(results: Results) -> float:
    if (result := results.get("surfaces")) is None:
        return nan
    speeds = {case.name: case.median for case in result.cases}
    return PLANE**2 / speeds["odestack"]


def _ratio(result: Result | None, name: str) -> float:
    if result is None:
        return nan
    table = result.table().set_index("case")
    return float(table.loc[name, "ratio"]) if name in table.index else nan  # type: ignore[arg-type]


PLANE = 21
"""Points a side of a plane through a loss surface."""
TIMES = "{:.2f}\N{NO-BREAK SPACE}×"
GOALS = (
    Goal("Speed at width 16, one process", 1.9, True, _training("speed", "engine", 16), TIMES),
    Goal(
        "Speed at width 16, a process a core",
        2.2,
        True,
        _training("speed", train.PARALLEL, 16),
        TIMES,
    ),
    Goal("Speed at width 64, compiled", 2.3, True, _training("speed", train.COMPILED, 64), TIMES),
    Goal("Share of the roof at width 64, compiled", 0.85, True, _training("of_roof", train.COMPILED, 64), "{:.1%}"),
    Goal("Share of a step that goes into its images", 0.03, False, _data_share, "{:.1%}"),
    Goal(
        "441 points of a loss surface, 1,000 images, depth 50",
        240.0,
        False,
        _seconds_for_a_plane,
        "{:.0f}\N{NO-BREAK SPACE}s",
    ),
    Goal("CIFAR-10 ready, seconds", 3.0, False, _seconds_to_ready, "{:.1f}\N{NO-BREAK SPACE}s"),
    Goal("More memory of RK4 than of Euler at equal depth", 0.05, False, _memory_of_order_four, "{:.1%}"),
)
"""Of a processor with two cores; those of training of one that computes in bf16. Where several depths were measured,
the lowest counts."""
