"""Ways of wiring: C9 to C12, C17 and C19."""

import pandas as pd

from odestack.claims.verdicts import NATS, TAU, Answer, does_not_rise, equals, rises
from odestack.studies import adaptive, nesting
from odestack.studies.statistics import ArmModel, mean, minus, rank_correlation, with_chance

DAMPED = ("Euler, h = 1/2", "Euler, h = 1/3", "Euler, h = 1/4", "Euler, h = 1/6")
CHAINS = ("chain-sum", "chain-last")
EMBEDDED_PAIRS = {"fehlberg45": "Fehlberg 5(4)", "dormand_prince5": "Dormand–Prince 5(4)"}
WEAK_TAU = 0.3
"""A rank correlation surely below this is not the growth that C12 speaks of."""


def nesting_is_faster_at_first_only(table: pd.DataFrame) -> Answer:
    """C9: early loss of the un-nested arms, on average, minus that of the nested ones rises; and the final accuracies
    of the two groups are equal."""
    rows = with_chance(table)
    flat = mean([(name,) for name in nesting.PLAIN])
    nested = mean([(f"{outer} of {inner}",) for outer, inner in nesting.PAIRS])
    early, final = (
        ArmModel(rows, ["arm"], outcome).effect(minus(flat, nested)) for outcome in ("early_loss", "accuracy")
    )
    return [
        rises("un-nested minus nested, early loss", early, NATS),
        equals("un-nested minus nested, final accuracy", final),
    ], rows


def no_error_driven_rule_gains(table: pd.DataFrame) -> Answer:
    """C10: for each method with an embedded pair, neither error-driven rule gains over fixed coefficients in a network
    of equal layout."""
    rows = with_chance(table)
    model = ArmModel(rows, ["scheme", "rule"])
    return [
        does_not_rise(
            f"{EMBEDDED_PAIRS[scheme]}, rule {rule} minus {adaptive.control(scheme, rule)}",
            model.effect(minus((scheme, rule), (scheme, adaptive.control(scheme, rule)))),
        )
        for scheme in adaptive.SCHEMES
        for rule in adaptive.ERROR_DRIVEN
    ], rows


def damping_is_the_easiest_gain(table: pd.DataFrame) -> Answer:
    """C11: damping (Euler with h = 1/2, 1/3, 1/4, 1/6, on average) gains over Euler; it gains more than shortcuts from
    the block's start (the two chains, on average, over Euler), and more than dependence on more stages (the 3/8 rule
    over RK4). Networks with a final norm only."""
    rows = with_chance(table.loc[table["final_norm"].astype(bool)])
    model = ArmModel(rows, ["arm"])
    damping = minus(mean([(arm,) for arm in DAMPED]), ("Euler",))
    shortcut = minus(mean([(arm,) for arm in CHAINS]), ("Euler",))
    stages = minus(("3/8 rule",), ("RK4",))
    return [
        rises("gain by damping", model.effect(damping)),
        rises("gain by damping minus gain by shortcuts from the start", model.effect(minus(damping, shortcut))),
        rises("gain by damping minus gain by dependence on more stages", model.effect(minus(damping, stages))),
    ], rows


def accuracy_rises_over_methods(table: pd.DataFrame) -> Answer:
    """C12: Kendall's tau-b of order and mean accuracy, over methods, rises.

    Methods are the units: p by permuting them, interval by resampling them. Contradicted if surely below ``WEAK_TAU``.
    """
    rows = with_chance(table)
    means = (
        rows.pivot_table(index="scheme", values=["order", "accuracy"]).reindex(columns=["order", "accuracy"]).dropna()
    )
    effect = rank_correlation(means["order"].tolist(), means["accuracy"].tolist())
    return [rises("rank correlation of order and mean accuracy", effect, TAU, needed=WEAK_TAU)], rows


def two_or_three_layers_are_best(table: pd.DataFrame) -> Answer:
    """C17: two or three layers a branch, on average, gain over one and over four, averaged over Euler and RK4."""
    rows = with_chance(table)
    model = ArmModel(rows, ["scheme", "branch"])

    def average(*kinds: str) -> dict[tuple, float]:
        return mean([(scheme, kind) for scheme in ("euler", "rk4") for kind in kinds])

    best = average("conv2", "conv3")
    return [
        rises(f"two or three layers minus {count}", model.effect(minus(best, average(kind))))
        for count, kind in (("one", "conv1"), ("four", "conv4"))
    ], rows


def learnable_two_step_gains(table: pd.DataFrame) -> Answer:
    """C19: LM-ResNet minus Euler rises."""
    rows = with_chance(table)
    return [rises("LM-ResNet − Euler", ArmModel(rows, ["arm"]).effect(minus(("lm",), ("euler",))))], rows
