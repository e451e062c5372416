"""Beyond the residual network of the article: C13, C14 and C16."""

from math import log10

import numpy as np
import pandas as pd

from odestack.claims.verdicts import DECIBELS, DOUBLINGS, Answer, does_not_rise, equals, exceeds, rises
from odestack.lab.tasks import SIGMA
from odestack.methods import catalogue
from odestack.nets.solvers import ADAPTIVE
from odestack.studies import neural_ode
from odestack.studies.statistics import ArmModel, minus, slope, with_chance

UNTOUCHED = -20 * log10(SIGMA)
"""PSNR in dB of an image from which no noise is taken."""


def unet_gains(table: pd.DataFrame) -> Answer:
    """C13, first half: PSNR of the U-Net wired as RK4 minus that of the plain one rises.

    A run that diverged counts as one that takes no noise away.
    """
    psnr = table["psnr"].astype(float).mask(table["status"] == "diverged", UNTOUCHED)
    rows = table.assign(psnr=psnr)
    effect = ArmModel(rows, ["scheme"], "psnr").effect(minus(("rk4",), ("euler",)))
    return [rises("U-Net, RK4 − Euler, PSNR", effect, DECIBELS)], rows


def transformer_does_not(table: pd.DataFrame) -> Answer:
    """C13, second half: the transformer wired as RK4 and the plain one are equal."""
    rows = with_chance(table)
    effect = ArmModel(rows, ["scheme"]).effect(minus(("rk4",), ("euler",)))
    return [equals("transformer, RK4 − Euler", effect)], rows


def order_2_is_enough(table: pd.DataFrame) -> Answer:
    """C14: RepVGG wired as midpoint gains over Euler, and neither Heun 3 nor RK4 differs from midpoint."""
    rows = with_chance(table)
    model = ArmModel(rows, ["scheme"])
    return [
        rises("midpoint − Euler", model.effect(minus(("midpoint",), ("euler",)))),
        equals("Heun 3 − midpoint", model.effect(minus(("heun3",), ("midpoint",)))),
        equals("RK4 − midpoint", model.effect(minus(("rk4",), ("midpoint",)))),
    ], rows


def higher_order_gains_by_evaluations(table: pd.DataFrame) -> Answer:
    """C16: over adaptive solvers at one tolerance the slope of accuracy on order rises; the highest order makes more
    than twice the evaluations of the lowest in a forward pass; and over equal steps at equal evaluations, averaged
    over their numbers, the slope of accuracy on order does not rise.

    Evaluations vary less than accuracy, so their residual variance is pooled over the adaptive solvers alone.
    """
    rows = with_chance(table)
    adaptive = rows[rows["tolerance"].notna() & (rows["nfe_forward"] > 0)]
    adaptive = adaptive.assign(doublings=np.log2(adaptive["nfe_forward"].astype(float)))
    orders = {(name,): float(order) for name, order in ADAPTIVE.items()}
    lowest, highest = min(orders, key=orders.__getitem__), max(orders, key=orders.__getitem__)
    model = ArmModel(rows, ["arm"])
    at_tolerance = {arm: (orders[highest] - orders[lowest]) * weight for arm, weight in slope(orders).items()}
    cost = ArmModel(adaptive, ["arm"], "doublings").effect(minus(highest, lowest))
    return [
        rises("slope of accuracy on order, over orders 2 to 8, at one tolerance", model.effect(at_tolerance)),
        exceeds(f"evaluations of {highest[0]} over {lowest[0]}", cost, DOUBLINGS),
        does_not_rise(
            "slope of accuracy on order, over orders 1 to 4, at equal evaluations", model.effect(_equal_cost())
        ),
    ], rows


def _equal_cost() -> dict[tuple, float]:
    """Accuracy gained from order 1 to 4 by the slope over the methods in equal steps, on average over their costs."""
    weights: dict[tuple, float] = {}
    for count in neural_ode.EVALUATIONS:
        orders = {(f"{name}, {count}",): catalogue.get(name).order for name in neural_ode.METHODS}
        span = max(orders.values()) - min(orders.values())
        weights |= {arm: span * weight / len(neural_ode.EVALUATIONS) for arm, weight in slope(orders).items()}
    return weights
