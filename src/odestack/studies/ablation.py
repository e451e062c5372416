"""What is working? One arm for each factor that is mixed up when blocks are re-wired (claim C11).

Order, integration time, damping, where the shortcut starts, dependence on more stages, ReLUs, and the head. At equal
layers and step 1 Euler integrates to T = 24 and RK4 to T = 6, and Euler applies its ReLU 24 times and RK4 six times.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import pandas as pd

from odestack.lab.config import RunConfig, custom_scheme
from odestack.lab.records import Record
from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.nets.resnet import block_count
from odestack.studies.frame import over_seeds, short_base, tidy
from odestack.studies.statistics import ArmModel, with_chance

TITLE = "What is working?"
SEEDS = (0, 1)
MATCHED = {"midpoint": 0.68, "heun3": 0.44, "rk4": 0.25}
"""Steps of Euler at which the state after the last block is, at initialisation, as large (root mean square) as that of
the method at step 1, at equal depth, with the ReLU after the addition; rounded. RK4 meets Euler at h = 4."""
PLAIN: dict[str, Any] = {"tableau": None, "h": 1.0, "relu": True, "final_norm": True, "init_scale": 1.0}
RELEASED = ", released head"
"""Ends the names of the arms whose head has no final norm."""
SAME_DAMPING = 1.25
"""Arms whose blocks add amounts within this factor count as equally damped."""


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


def random_consistent() -> Tableau:
    """A four-stage tableau of order 1 with positive entries whose sums of abs(a) and abs(b) are those of RK4."""
    rk4, draw = catalogue.get("rk4"), random.Random(0)
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
    """Each arm by name; of the base they keep the depth, the seed and the training."""
    custom = {tableau.name: custom_scheme(tableau) for tableau in tableaux()}
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
        **custom,
    }
    released: dict[str, dict[str, Any]] = {
        **{name: changes[name] for name in ("Euler", "midpoint", "Heun 3", "RK4", "RK4, h = 4")},
        **{f"Euler, h = {h:g}": {"scheme": "euler", "h": h} for h in MATCHED.values()},
        **{name: custom[name] for name in ("random-consistent", "chain-sum")},
    }
    changes |= {name + RELEASED: change | {"final_norm": False} for name, change in released.items()}
    return {name: replace(base, **PLAIN | change) for name, change in changes.items()}


def jobs(profile: str) -> list[Job]:
    """All arms at depth 50 (smoke: 26)."""
    base = short_base(profile)
    return over_seeds(lambda seed: list(arms(replace(base, seed=seed)).values()), SEEDS, profile)


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: arm, scheme, h, relu, final_norm, init_scale, and the results of ``frame.tidy``."""
    frame = tidy(records, "scheme", "h", "relu", "final_norm", "init_scale")
    frame.insert(0, "arm", [_name(record.config) for record in records])
    return frame


def _name(config: RunConfig) -> str:
    return next(name for name, arm in arms(config).items() if arm == config)


def traits(base: RunConfig) -> pd.DataFrame:
    """What each arm is, apart from training: index arm; order, stages, T, sum_b, sum_a, ReLUs, added.

    T is step times blocks; sum_b and sum_a are sums of absolute values, times the step. ``added`` is what all blocks
    together add to the mean square of the state at initialisation, if branch outputs are uncorrelated and of unit mean
    square: blocks x sum of (h b)^2, times the square of ``init_scale``.
    """
    rows = {}
    for name, config in arms(base).items():
        method = config.method().reduced()
        A, b, _ = method.floats()
        blocks, _ = block_count(config.method(), config.depth)
        rows[name] = {
            "order": config.method().order,
            "stages": method.stages,
            "T": config.h * blocks,
            "sum_b": config.h * abs(b).sum(),
            "sum_a": config.h * abs(A).sum(),
            "ReLUs": blocks * config.relu,
            "added": blocks * config.h**2 * config.init_scale**2 * (b**2).sum(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")


class Comparison(NamedTuple):
    """Accuracy of one arm minus that of another, and the factor that it is to isolate."""

    factor: str
    plus: str
    minus: str

    @property
    def label(self) -> str:
        return f"{self.plus.removesuffix(RELEASED)} − {self.minus.removesuffix(RELEASED)}"


_STEPS = [f"Euler, h = {h:g}" for h in MATCHED.values()]
_NAMED = ["midpoint", "Heun 3", "RK4"]
COMPARISONS = [
    *(Comparison("all at once", name, "Euler") for name in _NAMED),
    *(Comparison("order alone", "RK4", other) for other in ("rk4-uniform-b", "random-consistent")),
    *(Comparison("equal T = 24", f"{name}, h = {h}", "Euler") for name, h in zip(_NAMED, (2, 3, 4), strict=True)),
    *(Comparison("equal T, small", name, f"Euler, h = 1/{h}") for name, h in zip(_NAMED, (2, 3, 4), strict=True)),
    *(Comparison("damping alone", f"Euler, h = 1/{h}", "Euler") for h in (2, 3, 4, 6)),
    Comparison("damping alone", "Euler, last convolutions initialised × 1/4", "Euler"),
    Comparison("damping alone", "rk4-last-stage", "RK4"),
    Comparison("start of the shortcut", "chain-sum", "Euler"),
    Comparison("start of the shortcut", "chain-last", "Euler"),
    Comparison("start of the shortcut", "RK4", "chain-sum"),
    Comparison("dependence on stages", "3/8 rule", "RK4"),
    Comparison("ReLU", "Euler, no ReLU", "Euler"),
    Comparison("ReLU", "RK4, no ReLU", "RK4"),
    Comparison("ReLU", "RK4, no ReLU", "Euler, no ReLU"),
    *(Comparison("all at once", name + RELEASED, "Euler" + RELEASED) for name in _NAMED),
    *(Comparison("damping alone", name + RELEASED, "Euler" + RELEASED) for name in _STEPS),
    *(Comparison("equal damping", a + RELEASED, b + RELEASED) for a, b in zip(_NAMED, _STEPS, strict=True)),
    Comparison("equal damping", "RK4, h = 4" + RELEASED, "Euler" + RELEASED),
    Comparison("order alone", "RK4" + RELEASED, "random-consistent" + RELEASED),
    Comparison("start of the shortcut", "chain-sum" + RELEASED, "Euler" + RELEASED),
]


def predictions(base: RunConfig) -> pd.DataFrame:
    """One row a contrast, in their order: factor, plus, minus, contrast, order, damping.

    The last two are the sign (1, 0, -1) that accuracy must have if it rises with the order, or with the damping, and
    with nothing else. Damping differs if the amounts added differ by more than ``SAME_DAMPING``.
    """
    of = traits(base)
    rows = []
    for comparison in COMPARISONS:
        plus, minus = of.loc[comparison.plus], of.loc[comparison.minus]
        ratio = minus["added"] / plus["added"]
        by_order = int(plus["order"] > minus["order"]) - int(plus["order"] < minus["order"])
        by_damping = int(ratio > SAME_DAMPING) - int(ratio < 1 / SAME_DAMPING)
        rows.append({**comparison._asdict(), "contrast": comparison.label, "order": by_order, "damping": by_damping})
    return pd.DataFrame(rows)


def effects(table: pd.DataFrame, base: RunConfig, bound: float) -> pd.DataFrame:
    """``predictions`` with estimate, low, high (points, 95 %), and seen, for the contrasts whose arms were run.

    The two heads are two experiments, so the residual variance is pooled within each. A run that diverged counts as
    chance. ``seen`` is 1 or -1 if the interval lies above or below zero, 0 if it lies within the bound on both sides of
    zero, and NaN otherwise.
    """
    frame = predictions(base)
    counted = with_chance(table)
    models = {norm: ArmModel(counted.loc[counted["final_norm"] == norm], ["arm"]) for norm in (True, False)}
    rows = {}
    for index, comparison in enumerate(COMPARISONS):
        model = models[not comparison.plus.endswith(RELEASED)]
        effect = model.effect({(comparison.plus,): 1.0, (comparison.minus,): -1.0})
        if effect is not None:
            low, high = effect.interval()
            seen = 0.0 if -bound < low and high < bound else 1.0 if low > 0 else -1.0 if high < 0 else float("nan")
            rows[index] = {"estimate": effect.estimate, "low": low, "high": high, "seen": seen}
    found = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high", "seen"])
    return frame.join(found, how="inner")
