"""Order conditions: how long it takes to find a method's order."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np

from odestack.lab.bench.measuring import Case, Pace, duration, in_turn
from odestack.methods import catalogue, trees
from odestack.methods.tableau import Tableau

METHODS = ("rk4", "dormand_prince5", "huta6", "cooper_verner8")
NODEPY_ORDER = 5
"""Highest order that NodePy is asked for: its exact mode takes minutes for what comes after."""


def cases(pace: Pace) -> list[Case]:
    """Seconds, by exact arithmetic and by floating point; and by NodePy where that is installed."""
    found = []
    for name in METHODS:
        method = catalogue.get(name)
        solvers = orders(method)
        for solver, order in solvers.items():
            if order() != method.order:
                raise ArithmeticError(f"{solver} finds order {order()} for {name}, not {method.order}")
        settings = {"method": name, "order": method.order}
        samples = in_turn({solver: partial(duration, order) for solver, order in solvers.items()}, pace.repeats)
        for solver, values in samples.items():
            kind = solver.split(", ")[1]
            found.append(Case(solver, settings, "s", values, f"odestack, {kind}" if "NodePy" in solver else None))
    return found


def orders(method: Tableau) -> dict[str, Callable[[], int]]:
    """Ways to the order of the method."""
    ways: dict[str, Callable[[], int]] = {
        "odestack, exact": lambda: trees.order(method.A, method.b),
        "odestack, rounded": lambda: trees.order_to_rounding(method.A, method.b, 1e-12),
    }
    if find_spec("nodepy") and method.order <= NODEPY_ORDER:
        from nodepy import rk  # type: ignore[import-not-found]

        A, b = np.array(method.A, dtype=object), np.array(method.b, dtype=object)
        ways["NodePy, exact"] = lambda: rk.ExplicitRungeKuttaMethod(A, b).order(mode="exact")
        ways["NodePy, rounded"] = lambda: rk.ExplicitRungeKuttaMethod(A, b).order()
    return ways
