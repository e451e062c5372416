"""Our integrators against torchdiffeq's and scipy's: the same method, the same steps or tolerances."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor
from torchdiffeq import odeint

from odestack.lab.bench.measuring import Case, Pace, in_turn, rate, repeated
from odestack.methods import catalogue, integrate

DIMENSIONS = (2, 10_000)
STEPS = 200
"""Of RK4's classical form and of the 3/8 rule, torchdiffeq's rk4."""
SPAN = (0.0, 6.0)
TOLERANCE = 1e-6

Solve = Callable[[], int]
"""Integrates, and returns how often it evaluated the right-hand side."""


def cases(pace: Pace) -> list[Case]:
    """Evaluations of x' = cos(t) x and how many a second, in equal steps and with steps by error, small and large."""
    found = []
    for d in DIMENSIONS:
        for kind, solvers in (("equal steps", fixed(d)), ("adapted steps", adaptive(d))):
            evaluations = {name: solve() for name, solve in solvers.items()}
            loops = {name: partial(rate, repeated(solve), pace.seconds / 4) for name, solve in solvers.items()}
            for name, values in in_turn(loops, pace.repeats).items():
                settings = {"steps": kind, "dimension": d}
                samples = [evaluations[name] * value for value in values]
                found.append(Case(name, settings, "evaluations/s", samples, None if name == "odestack" else "odestack"))
                found.append(Case(name, settings, "evaluations", [float(evaluations[name])]))
    return found


def fixed(d: int) -> dict[str, Solve]:
    """The 3/8 rule in equal steps."""
    times = torch.linspace(*SPAN, STEPS + 1, dtype=torch.float64)
    method = catalogue.get("three_eighths")
    return {
        "odestack": lambda: integrate.fixed_step(_slope, SPAN, np.ones(d), method, STEPS).nfe,
        "torchdiffeq": lambda: _counted(lambda f: odeint(f, _ones(d), times, method="rk4")),
    }


def adaptive(d: int) -> dict[str, Solve]:
    """Dormand and Prince's pair at one tolerance."""
    method = catalogue.get("dormand_prince5")
    ends = torch.tensor(SPAN, dtype=torch.float64)
    return {
        "odestack": lambda: integrate.adaptive(_slope, SPAN, np.ones(d), method, TOLERANCE, TOLERANCE).nfe,
        "scipy": lambda: solve_ivp(_slope, SPAN, np.ones(d), method="RK45", rtol=TOLERANCE, atol=TOLERANCE).nfev,
        "torchdiffeq": lambda: _counted(
            lambda f: odeint(f, _ones(d), ends, method="dopri5", rtol=TOLERANCE, atol=TOLERANCE)
        ),
    }


def _slope(t: float, x: np.ndarray) -> np.ndarray:
    return np.cos(t) * x


def _ones(d: int) -> Tensor:
    return torch.ones(d, dtype=torch.float64)


def _counted(solve: Callable[[Callable[[Tensor, Tensor], Tensor]], object]) -> int:
    evaluations = 0

    def slope(t: Tensor, x: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        return torch.cos(t) * x

    solve(slope)
    return evaluations
