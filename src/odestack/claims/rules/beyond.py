"""Beyond the residual network of the article: C14."""

import pandas as pd

from odestack.claims.verdicts import Answer, equals, rises
from odestack.studies.statistics import ArmModel, minus, with_chance


def order_2_is_enough(table: pd.DataFrame) -> Answer:
    """C14: RepVGG wired as midpoint gains over Euler, and neither Heun 3 nor RK4 differs from midpoint."""
    rows = with_chance(table)
    model = ArmModel(rows, ["scheme"])
    return [
        rises("midpoint − Euler", model.effect(minus(("midpoint",), ("euler",)))),
        equals("Heun 3 − midpoint", model.effect(minus(("heun3",), ("midpoint",)))),
        equals("RK4 − midpoint", model.effect(minus(("rk4",), ("midpoint",)))),
    ], rows
