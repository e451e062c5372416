"""How the time and the memory of a training step grow with the network and the batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from odestack.lab import train
from odestack.lab.bench.loops import bench_config, engine
from odestack.lab.bench.measuring import Case, Pace, Result, rates
from odestack.lab.config import RunConfig
from odestack.lab.memory import peak_bytes
from odestack.methods import catalogue
from odestack.nets.recompute import recompute_branches

BASE = {"width": 16, "depth": 26, "batch": 128, "scheme": "euler"}
AXES: Mapping[str, Sequence[Any]] = {
    "depth": (26, 50, 98),
    "width": (8, 16, 32, 64),
    "batch": (32, 64, 128, 256),
    "scheme": ("euler", "midpoint", "heun3", "rk4"),
}
"""What is varied, one at a time. Methods have 1, 2, 3 and 4 stages, at equal depth."""


def cases(pace: Pace, axes: Mapping[str, Sequence[Any]] = AXES) -> list[Case]:
    """For each value on each axis the seconds of a step and the bytes in tensors at its fullest moment, parameters and
    momentum not among them. On the axis of depth also with branches computed again in the backward pass."""
    return [case for axis, values in axes.items() for case in _along(axis, values, pace)]


def _along(axis: str, values: Sequence[Any], pace: Pace) -> list[Case]:
    configs = [bench_config(**{**BASE, axis: value}) for value in values]
    variants = [(config, again) for config in configs for again in ((False, True) if axis == "depth" else (False,))]
    loops = {variant: engine(variant[0], _network(*variant)) for variant in variants}
    measured = rates(loops, pace.repeats, pace.seconds / 4)
    found = []
    for config, again in variants:
        settings = {"axis": axis, **{name: getattr(config, name) for name in BASE}, "precision": config.precision}
        peak = peak_bytes(lambda steps=loops[config, again]: next(steps))
        seconds = [1 / value for value in measured[config, again]]
        for what, unit, samples in (("time", "s", seconds), ("memory", "bytes", [float(peak)])):
            step = f"{what} of a step"
            name, baseline = (f"{step}, branches recomputed", step) if again else (step, None)
            found.append(Case(name, settings, unit, samples, baseline))
    return found


def _network(config: RunConfig, again: bool) -> train.Network:
    network = train.initial_network(config)
    if again:
        recompute_branches(network)
    return network


def exponents(result: Result) -> pd.DataFrame:
    """Slopes of time and memory in double logarithmic axes. Methods count by their stages.

    Columns: axis, case, exponent (of the straight line fitted to all points), low and high (least and greatest slope
    between neighbours: where they differ, no power law holds).
    """
    table = result.table()
    table["scheme"] = [catalogue.get(name).stages for name in table["scheme"]]
    rows = []
    for axis in table["axis"].unique():
        for case in table["case"].unique():
            part = table[(table["axis"] == axis) & (table["case"] == case)]
            if len(part) > 1:
                x, y = (np.log(part[column].astype(float)) for column in (axis, "median"))
                between = np.diff(y) / np.diff(x)
                row = {"axis": axis, "case": case, "exponent": np.polyfit(x, y, 1)[0]}
                rows.append(row | {"low": between.min(), "high": between.max()})
    return pd.DataFrame(rows, columns=["axis", "case", "exponent", "low", "high"])
