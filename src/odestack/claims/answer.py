"""The numbers that the front page and the summaries answer with."""

from collections.abc import Sequence
from math import isfinite

from odestack.claims.display import number
from odestack.claims.verdicts import INCONCLUSIVE, NOT_REPRODUCED, NOT_RUN, REPRODUCED, Verdict
from odestack.studies import depth_by_order
from odestack.studies.evidence import Evidence
from odestack.studies.statistics import ArmModel, Contrast, minus, with_chance

WORDS = (REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE, NOT_RUN)
"""The verdicts, in the order in which they are counted."""


def gains(evidence: Evidence) -> dict[int, Contrast]:
    """Points of accuracy of RK4 minus Euler by depth, where both have run, from the study of depth and order."""
    table = depth_by_order.table(evidence.runs)
    model = ArmModel(with_chance(table.loc[table["relu"] & table["final_norm"]]), ["scheme", "depth"])
    effects = {depth: model.effect(minus(("rk4", depth), ("euler", depth))) for depth in depth_by_order.DEPTHS}
    return {depth: effect for depth, effect in effects.items() if effect is not None}


def interval(effect: Contrast, none: str = "one seed, no interval") -> str:
    """The effect's 95 % interval in brackets, or the words for none."""
    low, high = effect.interval()
    return f"[{number(low)}, {number(high)}]" if isfinite(low) else f"[{none}]"


def counts(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Ids of the claims by verdict; every verdict is there."""
    return {word: [verdict.claim.id for verdict in verdicts if verdict.verdict == word] for word in WORDS}


def sentences(verdicts: Sequence[Verdict], evidence: Evidence) -> str:
    """What RK4 gains over Euler, on how many runs, and how often each verdict was given; without the last full stop."""
    total = len(evidence.records) + len(evidence.missing)
    found = gains(evidence).items()
    points = "; ".join(f"{number(e.estimate)} points at depth {d} {interval(e)}" for d, e in found) or "*not run*"
    given = ", ".join(f"{len(ids)} *{word}*" for word, ids in counts(verdicts).items())
    if provisional := [verdict.claim.id for verdict in verdicts if verdict.provisional]:
        given += f". Provisional, since runs are missing: {', '.join(provisional)}"
    return (
        f"**The answer so far.** RK4 in place of Euler, at equal cost: {points} (test accuracy on CIFAR-10, "
        f"95 % intervals, profile `{evidence.profile}`, {len(evidence.records)} of {total} runs). "
        f"Verdicts on the article's {len(verdicts)} claims, where *reproduced* is corrected for their number: {given}"
    )
