"""Depth and order: C1 to C5, and the headline C18."""

from functools import cache

import pandas as pd

from odestack.claims.verdicts import Answer, Direction, does_not_rise, rises
from odestack.methods import catalogue
from odestack.studies import cost, depth_by_order
from odestack.studies.statistics import ArmModel, minus, rise, with_chance

ARTICLE_GAINS = {30: 2.15, 58: 2.35}
"""Points by which the best order beats Euler, by depth, on CIFAR-10 (abstract of arXiv 2103.15244)."""

SHALLOW, MIDDLE, DEEP = depth_by_order.DEPTHS


@cache
def equal_cost() -> bool:
    """C1: parameters and multiplications of orders 1 to 4 are equal to the last digit, at the article's width."""
    table = cost.table(width=64, depths=(50,))
    return all(table[column].nunique() == 1 for column in ("parameters", "macs"))


def _main(table: pd.DataFrame) -> pd.DataFrame:
    """Of the study of depth and order: the networks with ReLU and final norm."""
    return with_chance(table.loc[table["relu"] & table["final_norm"]])


def degrades_to_58(table: pd.DataFrame) -> Answer:
    """C2, the article's depths: accuracy of Euler at 34 layers minus at 58 rises."""
    rows = with_chance(table)
    effect = ArmModel(rows, ["scheme", "depth"]).effect(minus(("euler", 34), ("euler", 58)))
    return [rises("Euler, depth 34 minus depth 58", effect)], rows


def degrades_to_98(table: pd.DataFrame) -> Answer:
    """C2, the trend: accuracy of Euler at 50 layers minus at 98 rises."""
    rows = _main(table)
    effect = ArmModel(rows, ["scheme", "depth"]).effect(minus(("euler", MIDDLE), ("euler", DEEP)))
    return [rises(f"Euler, depth {MIDDLE} minus depth {DEEP}", effect)], rows


def accuracy_rises_with_order(table: pd.DataFrame) -> Answer:
    """C3: by the fitted slope, accuracy rises from order 1 to 4, at the middle and at the large depth."""
    rows = _main(table)
    model = ArmModel(rows, ["scheme", "depth"])
    orders = {scheme: catalogue.get(scheme).order for scheme in depth_by_order.SCHEMES}

    def by_order(depth: int) -> Direction:
        effect = model.effect(rise({(scheme, depth): order for scheme, order in orders.items()}))
        return rises(f"accuracy, order 4 minus order 1 by the fitted slope, at depth {depth}", effect)

    return [by_order(MIDDLE), by_order(DEEP)], rows


def gap_grows_with_depth(table: pd.DataFrame) -> Answer:
    """C4: the gap RK4 − Euler at the large depth, minus the same at the small one, rises."""
    rows = _main(table)
    gap = minus(minus(("rk4", DEEP), ("euler", DEEP)), minus(("rk4", SHALLOW), ("euler", SHALLOW)))
    effect = ArmModel(rows, ["scheme", "depth"]).effect(gap)
    return [rises(f"(RK4 − Euler at depth {DEEP}) − (RK4 − Euler at depth {SHALLOW})", effect)], rows


def only_order_4_improves(table: pd.DataFrame) -> Answer:
    """C5: from the middle to the large depth RK4 rises, midpoint and Heun 3 do not."""
    rows = _main(table)
    model = ArmModel(rows, ["scheme", "depth"])
    growth = {s: model.effect(minus((s, DEEP), (s, MIDDLE))) for s in depth_by_order.SCHEMES}
    return [
        rises(f"RK4, depth {DEEP} minus depth {MIDDLE}", growth["rk4"]),
        does_not_rise(f"midpoint, depth {DEEP} minus depth {MIDDLE}", growth["midpoint"]),
        does_not_rise(f"Heun 3, depth {DEEP} minus depth {MIDDLE}", growth["heun3"]),
    ], rows


def gains_at_30_and_58(table: pd.DataFrame) -> Answer:
    """C18: RK4 − Euler rises at each depth of which the article's abstract states a gain."""
    rows = with_chance(table)
    model = ArmModel(rows, ["scheme", "depth"])
    effects = {depth: model.effect(minus(("rk4", depth), ("euler", depth))) for depth in ARTICLE_GAINS}
    return [rises(f"RK4 − Euler at depth {depth}", effect) for depth, effect in effects.items()], rows
