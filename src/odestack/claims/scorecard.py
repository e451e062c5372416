"""The scorecard: every claim with its verdict, from the records in the store."""

from collections.abc import Callable, Sequence
from math import nan

import pandas as pd

from odestack.claims.registry import CLAIMS
from odestack.claims.verdicts import Claim, Finding, Verdict, judge
from odestack.lab.config import ConfigError
from odestack.studies import evidence, get
from odestack.studies.evidence import Evidence


def scorecard(profile: str = "auto", fresh: Evidence | None = None) -> list[Verdict]:
    """Every claim with its verdict, from the records in the store.

    Args:
        profile: "smoke", "cpu", "gpu" or "auto": for each claim the largest at which no run of its studies is missing,
            else cpu.
        fresh: evidence that takes the place of the store's for its study; its profile must be the one asked for.

    Raises:
        ConfigError: no such profile.
    """
    gathered: dict[tuple[str, str], Evidence] = {}

    def gather(study: str, profile: str) -> Evidence:
        if fresh is not None and (study, profile) == (fresh.study, fresh.profile):
            return fresh
        if (study, profile) not in gathered:
            gathered[study, profile] = evidence.gather(study, profile)
        return gathered[study, profile]

    evidence.check_profile(profile)
    return judge([_find(claim, profile, gather) for claim in CLAIMS])


def about(*ids: str, profile: str = "auto") -> list[Verdict]:
    """The verdicts of these claims, in this order, out of the whole scorecard, so that Holm's correction is the same on
    every page.

    Raises:
        ConfigError: no such claim or profile.
    """
    verdicts = {verdict.claim.id: verdict for verdict in scorecard(profile)}
    if unknown := [id for id in ids if id not in verdicts]:
        raise ConfigError(f"no claim is called {unknown[0]!r}; the claims are {', '.join(verdicts)}")
    return [verdicts[id] for id in ids]


def _find(claim: Claim, profile: str, gather: Callable[[str, str], Evidence]) -> Finding:
    if claim.counted is not None:
        return Finding(claim, {}, holds=claim.counted())
    if claim.rules is None:
        return Finding(claim, {})
    if profile == "auto":
        profile = evidence.largest_complete(claim.studies)
    found = [gather(study, profile) for study in claim.studies]
    answers = {
        each.study: rule(get(each.study).table(each.records))
        for each, rule in zip(found, claim.rules.values(), strict=True)
    }
    rows = [rows for _, rows in answers.values()]
    return Finding(
        claim,
        {study: directions for study, (directions, _) in answers.items()},
        runs=sum(map(len, rows)),
        seeds=len(set().union(*(each["seed"] for each in rows))),
        profile=profile,
        missing=sum(len(each.missing) for each in found),
    )


def frame(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a direction, and one for a claim without any.

    Columns: claim, article, effect, asks, estimate, low, high, unit, p_value (adjusted), runs, seeds, profile, verdict.
    """
    rows = []
    for verdict in verdicts:
        finding = verdict.finding
        for direction in finding.directions or (None,):
            effect = direction.effect if direction else None
            low, high = effect.interval() if effect else (nan, nan)
            rows.append(
                {
                    "claim": verdict.claim.id,
                    "article": verdict.claim.article,
                    "effect": direction.what if direction else ("counted" if finding.holds is not None else ""),
                    "asks": direction.asks if direction else "",
                    "estimate": effect.estimate if effect else nan,
                    "low": low,
                    "high": high,
                    "unit": direction.unit if direction else "",
                    "p_value": verdict.p_value,
                    "runs": finding.runs,
                    "seeds": finding.seeds,
                    "profile": finding.profile,
                    "verdict": verdict.verdict,
                }
            )
    return pd.DataFrame(rows)
