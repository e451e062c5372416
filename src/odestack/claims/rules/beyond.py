"""Beyond the residual network of the article: C13 and C14."""

from math import log10

import pandas as pd

from odestack.claims.verdicts import DECIBELS, Answer, equals, rises
from odestack.lab.tasks import SIGMA
from odestack.studies.statistics import ArmModel, minus, with_chance

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
