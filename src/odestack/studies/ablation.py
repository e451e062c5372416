"""What is working? One arm for each factor that is mixed up when blocks are re-wired (claim C11).

Order, integration time, damping, where the shortcut starts, and dependence on more stages. At equal layers and step 1
Euler integrates to T = 24 and RK4 to T = 6, and Euler applies its ReLU 24 times and RK4 six times.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pandas as pd

from odestack.lab.config import RunConfig, custom_scheme
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.studies.frame import over_seeds, short_base, tidy

TITLE = "What is working?"
SEEDS = (0, 1)


def tableaux() -> list[Tableau]:
    """The four-stage tableaux of the study that are no named methods; most are not even consistent."""
    rk4 = catalogue.get("rk4")
    quarter, chain = Fraction(1, 4), [[], [1], [0, 1], [0, 0, 1]]
    given: list[tuple[str, Any, Any]] = [
        ("rk4-uniform-b", rk4.A, [quarter] * 4),
        ("rk4-last-stage", rk4.A, [0, 0, 0, Fraction(1, 6)]),
        ("chain-sum", chain, [1, 1, 1, 1]),
        ("chain-last", chain, [0, 0, 0, 1]),
    ]
    return [Tableau(name, A, b) for name, A, b in given] + [random_consistent()]


def random_consistent(seed: int = 0) -> Tableau:
    """A four-stage tableau of order 1 with positive entries whose sums of abs(a) and abs(b) are those of RK4."""
    rk4, draw = catalogue.get("rk4"), random.Random(seed)
    total = Fraction(str(sum(abs(a) for row in rk4.A for a in row)))
    while True:
        numbers = [draw.randint(1, 9) for _ in range(6)]
        weights = [draw.randint(1, 9) for _ in range(4)]
        entries = iter(total * n / sum(numbers) for n in numbers)
        A: list[list[Fraction]] = [[next(entries) for _ in range(i)] for i in range(4)]
        tableau = Tableau("random-consistent", A, [Fraction(w, sum(weights)) for w in weights])  # type: ignore[arg-type]
        if tableau.order == 1:
            return tableau


def arms(base: RunConfig) -> dict[str, RunConfig]:
    """Each arm by name."""
    changes: dict[str, dict[str, Any]] = {
        "Euler": {"scheme": "euler"},
        "Euler, no ReLU": {"scheme": "euler", "relu": False},
        "midpoint": {"scheme": "midpoint"},
        "Heun 3": {"scheme": "heun3"},
        "RK4": {"scheme": "rk4"},
        "RK4, no ReLU": {"scheme": "rk4", "relu": False},
        "3/8 rule": {"scheme": "three_eighths"},
        "midpoint, h = 2": {"scheme": "midpoint", "h": 2.0},
        "Heun 3, h = 3": {"scheme": "heun3", "h": 3.0},
        "RK4, h = 4": {"scheme": "rk4", "h": 4.0},
        "Euler, h = 1/2": {"scheme": "euler", "h": 1 / 2},
        "Euler, h = 1/3": {"scheme": "euler", "h": 1 / 3},
        "Euler, h = 1/4": {"scheme": "euler", "h": 1 / 4},
        "Euler, h = 1/6": {"scheme": "euler", "h": 1 / 6},
        "Euler, last convolutions initialised × 1/4": {"scheme": "euler", "init_scale": 1 / 4},
    }
    changes |= {tableau.name: custom_scheme(tableau) for tableau in tableaux()}
    return {name: replace(base, **change) for name, change in changes.items()}


def jobs(profile: str) -> list[Job]:
    """All arms at depth 50 (smoke: 26)."""
    base = short_base(profile)
    seeds = (0,) if profile == "smoke" else SEEDS
    return [Job(config) for config in over_seeds(lambda seed: list(arms(replace(base, seed=seed)).values()), seeds)]


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: arm, scheme, h, relu, init_scale, and the results of ``frame.tidy``."""
    frame = tidy(records, "scheme", "h", "relu", "init_scale")
    frame.insert(0, "arm", [_name(record.config) for record in records])
    return frame


def _name(config: RunConfig) -> str:
    return next(name for name, arm in arms(config).items() if arm == config)
