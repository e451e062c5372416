"""Beyond the residual network of the article: C13 to C16."""

from math import inf, log10

import numpy as np
import pandas as pd

from odestack.claims.verdicts import DECIBELS, DOUBLINGS, Answer, does_not_rise, equals, exceeds, rises
from odestack.lab.tasks import SIGMA
from odestack.methods import catalogue
from odestack.nets.solvers import ADAPTIVE
from odestack.studies import depth_by_order, landscape, neural_ode
from odestack.studies.statistics import ArmModel, minus, rise, slope, with_chance

UNTOUCHED = -20 * log10(SIGMA)
"""PSNR in dB of an image from which no noise is taken."""
LOG_PER_ORDER, SHARE_PER_ORDER = "ln per order", "% of points per order"


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


def surfaces_get_smoother(table: pd.DataFrame) -> Answer:
    """C15: over orders 1 to 4, three numbers fall: the curvature of random planes and the share of their points that
    are not convex, averaged over the depths; and the largest eigenvalue of the Hessian. Curvatures are compared by
    their logarithms, filters are measured by their norms, and batch-norm statistics are frozen.

    There is one network a method and depth. The planes are repeated in several directions, which all networks share, so
    their intervals are about these networks, and cannot contradict a claim about order. The eigenvalue has no
    direction: there the depths repeat the methods, so that its interval also holds how networks scatter about a trend;
    below zero it contradicts the claim.
    """
    planes = table.loc[(table["kind"] == "surface") & (table["batch_norm"] == "frozen")]
    networks = table.loc[table["kind"] == "curvature"]
    orders = {(scheme,): catalogue.get(scheme).order for scheme in landscape.SCHEMES}
    depths = (depth_by_order.DEPTHS[0], depth_by_order.DEPTHS[-1])
    falls = {arm: -weight for arm, weight in slope(orders).items()}
    averaged = {(*arm, depth): weight / len(depths) for arm, weight in falls.items() for depth in depths}
    by_direction = planes.assign(
        seed=planes["direction"],
        curvature=np.log(planes["curvature"].astype(float)),
        non_convex=100 * planes["non_convex"].astype(float),
    )
    by_depth = networks.assign(
        seed=networks["depth"], eigenvalue=np.log(networks["normalised_eigenvalue"].astype(float).clip(lower=1e-12))
    )
    curvature, non_convex = (
        ArmModel(by_direction, ["scheme", "depth"], outcome).effect(averaged) for outcome in ("curvature", "non_convex")
    )
    eigenvalue = ArmModel(by_depth, ["scheme"], "eigenvalue").effect(falls)
    rows = pd.concat([planes, networks]).drop_duplicates(["scheme", "depth", "seed"])
    return [
        rises("fall of the curvature of planes", curvature, LOG_PER_ORDER, needed=-inf),
        rises("fall of the share of points that are not convex", non_convex, SHARE_PER_ORDER, needed=-inf),
        rises("fall of the largest eigenvalue of the Hessian", eigenvalue, LOG_PER_ORDER, needed=0.0),
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
    cost = ArmModel(adaptive, ["arm"], "doublings").effect(minus(highest, lowest))
    return [
        rises("accuracy, order 8 minus order 2 by the fitted slope, at one tolerance", model.effect(rise(orders))),
        exceeds(f"evaluations of {highest[0]} over {lowest[0]}", cost, DOUBLINGS),
        does_not_rise(
            "accuracy, order 4 minus order 1 by the fitted slope, at equal evaluations", model.effect(_equal_cost())
        ),
    ], rows


def _equal_cost() -> dict[tuple, float]:
    """Accuracy gained from order 1 to 4 by the slope over the methods in equal steps, on average over their costs."""
    weights: dict[tuple, float] = {}
    for count in neural_ode.EVALUATIONS:
        orders = {(f"{name}, {count}",): catalogue.get(name).order for name in neural_ode.METHODS}
        weights |= {arm: weight / len(neural_ode.EVALUATIONS) for arm, weight in rise(orders).items()}
    return weights
