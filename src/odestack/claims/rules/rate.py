"""Learning rate and the initial state: C6 to C8, C20 and C21."""

from dataclasses import replace
from math import inf

import pandas as pd

from odestack.claims.verdicts import NATS, SHARE, Answer, Direction, does_not_rise, rises
from odestack.studies import learning_rate, tuned
from odestack.studies.statistics import ArmModel, Contrast, minus, sign_test, with_chance

USUAL, LARGE = 0.1, 0.8
DEEP, VERY_DEEP = learning_rate.DEPTHS[-1], learning_rate.VERY_DEEP
HIGHER = {"midpoint": "midpoint", "heun3": "Heun 3", "rk4": "RK4"}


def _normed(table: pd.DataFrame) -> pd.DataFrame:
    """Without the harsh settings."""
    return with_chance(table.loc[table["relu"] & table["batch_norm"] & table["final_norm"]])


def large_rate_slows_the_plain_stack(table: pd.DataFrame) -> Answer:
    """C6: at depth 98 the early loss of Euler rises from rate 0.1 to 0.8, and rises more than that of RK4.

    Variance is pooled over the four methods at these two rates; at other rates it differs.
    """
    rows = _normed(table)
    rows = rows.loc[(rows["depth"] == DEEP) & rows["lr"].isin([USUAL, LARGE])]
    model = ArmModel(rows, ["scheme", "lr"], "early_loss")
    slowing = {scheme: minus((scheme, LARGE), (scheme, USUAL)) for scheme in ("euler", "rk4")}
    what = f"early loss at rate {LARGE} minus at {USUAL}, depth {DEEP}"
    return [
        rises(f"Euler, {what}", model.effect(slowing["euler"]), NATS),
        rises(f"Euler minus RK4, {what}", model.effect(minus(slowing["euler"], slowing["rk4"])), NATS),
    ], rows


def only_the_plain_stack_fails(table: pd.DataFrame) -> Answer:
    """C7: over all settings, harsh ones and depth 194 included, it is Euler that fails in more seeds, not RK4.

    A run has failed if it diverged or stalled (``learning_rate.STALLED``). Exact sign test on the settings in which one
    of the two has more failed seeds; a setting counts once, since its seeds tell nothing of other settings.
    Contradicted if RK4 surely is the one that fails more.
    """
    rows = table.loc[table["scheme"].isin(["euler", "rk4"])]
    failed = learning_rate.failed_seeds(rows, ("euler", "rk4"))
    more, fewer = failed["euler"] > failed["rk4"], failed["euler"] < failed["rk4"]
    effect = sign_test(more.tolist(), fewer.tolist())
    return [rises("settings in which Euler fails more minus those in which RK4 does", effect, SHARE)], rows


def downsampling_shifts_the_plain_stack(table: pd.DataFrame) -> Answer:
    """C8: moving the downsampling shifts Euler, and shifts it more than each of the higher orders.

    With the signed shifts E of Euler and H of another, accuracy(first) − accuracy(stem), abs(E) > abs(H) if and only
    if E − H and E + H have the sign of E. Noise would bias a difference of absolute values upwards; these it does not.
    The sign of E is taken from the data, so that each p-value is doubled. A mean over the higher orders would hide
    large shifts of opposite signs.
    """
    rows = with_chance(table)
    model = ArmModel(rows, ["scheme", "downsample"])
    shifts = {scheme: minus((scheme, "first"), (scheme, "stem")) for scheme in ("euler", *HIGHER)}
    effects = {"shift of Euler": model.effect(shifts["euler"])}
    for scheme, name in HIGHER.items():
        opposite = {arm: -weight for arm, weight in shifts[scheme].items()}
        effects[f"shift of Euler minus that of {name}"] = model.effect(minus(shifts["euler"], shifts[scheme]))
        effects[f"shift of Euler plus that of {name}"] = model.effect(minus(shifts["euler"], opposite))
    euler = effects["shift of Euler"]
    negative = euler is not None and euler.estimate < 0
    return [_of_either_sign(what, effect, negative) for what, effect in effects.items()], rows


def _of_either_sign(what: str, effect: Contrast | None, negative: bool) -> Direction:
    """A direction whose sign was chosen between two by the data."""
    direction = rises(f"minus ({what})" if negative else what, -effect if negative and effect else effect)
    return replace(direction, p_value=min(1.0, 2 * direction.p_value))


def tuning_cures_degradation(table: pd.DataFrame) -> Answer:
    """C20: accuracy of Euler at 50 layers minus at 98 rises at rate 0.1, and does not at the best rate of each depth.

    The best rate is that of the highest mean accuracy on held-out images; the effects are those of test accuracy, with
    the variance pooled over the networks at rate 0.1 and at best rates. Without degradation at rate 0.1 there is
    nothing to cure, which does not contradict the claim.
    """
    rows = with_chance(table)
    best = tuned.best(rows)
    rows = pd.concat([rows.loc[rows["lr"] == USUAL], best]).drop_duplicates()
    model = ArmModel(rows, ["scheme", "depth", "lr"])
    middle, deep = (("euler", depth) for depth in tuned.DEPTHS)
    rates = best.groupby(["scheme", "depth"])["lr"].first().to_dict()
    usual = minus((*middle, USUAL), (*deep, USUAL))
    own = minus((*middle, rates.get(middle)), (*deep, rates.get(deep)))
    what = f"Euler, depth {middle[1]} minus depth {deep[1]}"
    return [
        rises(f"{what}, both at rate {USUAL}", model.effect(usual), needed=-inf),
        does_not_rise(f"{what}, each at its best rate", model.effect(own)),
    ], rows


def very_deep_plain_stack_fails(table: pd.DataFrame) -> Answer:
    """C21: at depth 194 the early loss of Euler is above that at depth 98, and above that of RK4.

    One seed of depth 194 was planned: the interval comes from the variance pooled over the other arms at this rate.
    """
    rows = _normed(table)
    rows = rows.loc[rows["lr"] == USUAL]
    model = ArmModel(rows, ["scheme", "depth"], "early_loss")
    deeper = model.effect(minus(("euler", VERY_DEEP), ("euler", DEEP)))
    against = model.effect(minus(("euler", VERY_DEEP), ("rk4", VERY_DEEP)))
    return [
        rises(f"Euler, early loss at depth {VERY_DEEP} minus at depth {DEEP}", deeper, NATS),
        rises(f"Euler minus RK4, early loss at depth {VERY_DEEP}", against, NATS),
    ], rows
