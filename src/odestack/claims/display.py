"""The scorecard as a reader sees it: on a page or in a terminal."""

from collections.abc import Callable, Sequence
from math import isfinite

import pandas as pd

from odestack.claims.scorecard import frame
from odestack.claims.verdicts import NATS, NOT_RUN, POINTS, Claim, Direction, Finding, Verdict
from odestack.studies.statistics import Contrast


def table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """``frame`` for a page, as text: index claim; columns verdict, effect, estimate, asked, runs, p (Holm).

    The estimate has its 95 % interval beside it. An infinite or missing number is shown as a dash.
    """
    rows, words = frame(verdicts), {verdict.claim.id: str(verdict) for verdict in verdicts}
    columns = (rows[name] for name in ("estimate", "low", "high", "unit"))
    shown = {
        "verdict": [words[claim] for claim in rows["claim"]],
        "effect": rows["effect"],
        "estimate": [
            number(value, unit) + (f" [{number(low, unit)}, {number(high, unit)}]" if isfinite(low) else "")
            for value, low, high, unit in zip(*columns, strict=True)
        ],
        "asked": (rows["asks"] + " " + rows["unit"]).str.strip(),
        "runs": rows["runs"],
        "p (Holm)": [probability(value) for value in rows["p_value"]],
    }
    index = pd.Index(rows["claim"], name="claim")
    return pd.DataFrame({column: [value or "–" for value in values] for column, values in shown.items()}, index=index)


def number(value: float, unit: str = POINTS) -> str:
    """With sign and two decimals, three for nats; a dash if it is infinite or missing."""
    return f"{value:+.{3 if unit == NATS else 2}f}".replace("-", "−") if isfinite(value) else "–"


def with_interval(effect: Contrast, unit: str = POINTS) -> str:
    """``+0.39 points (95 % interval −1.00 to +1.77)``; words for no interval if the effect rests on one seed."""
    low, high = (number(bound, unit) for bound in effect.interval())
    interval = f"95 % interval {low} to {high}" if effect.df else "no interval: one seed only"
    return f"{number(effect.estimate, unit)} {unit} ({interval})"


def probability(value: float | None) -> str:
    """With three decimals; empty if it is missing."""
    if value is None or not isfinite(value):
        return ""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def in_words(direction: Direction) -> str:
    """A direction's effect, its estimate with interval and what it asks for."""
    effect = direction.effect
    if effect is None:
        return f"{direction.what}: {NOT_RUN}"
    unit, bounds = direction.unit, direction.interval
    interval = ", ".join(number(bound, unit) for bound in bounds) if isfinite(bounds[0]) else "no interval"
    return f"{direction.what}: {number(effect.estimate, unit)} [{interval}] {unit}, asked: {direction.asks}"


def behind(finding: Finding) -> str:
    """How many runs and seeds, and how many are missing."""
    missing = f"{finding.missing} missing" if finding.missing else ""
    if not finding.runs:
        return missing or "–"
    runs = f"{finding.runs} {'run' if finding.runs == 1 else 'runs'}"
    seeds = f"{finding.seeds} {'seed' if finding.seeds == 1 else 'seeds'}"
    return ", ".join(filter(None, (runs, seeds, missing)))


def chance(verdict: Verdict) -> str:
    """The p-value of a claim, and what Holm's correction makes of it; empty if nothing was tested."""
    if verdict.p_value is None:
        return ""
    return f"p: {probability(verdict.finding.p_value)}, after Holm's correction {probability(verdict.p_value)}"


def wish(verdict: Verdict) -> str:
    """Which studies should get another seed (``Verdict.more_seeds``); empty if none."""
    return f"asks for another seed of {', '.join(verdict.more_seeds)}" if verdict.more_seeds else ""


def text(verdicts: Sequence[Verdict]) -> str:
    """The scorecard for a terminal."""
    blocks = []
    for verdict in verdicts:
        finding, claim = verdict.finding, verdict.claim
        facts = [str(verdict), wish(verdict)]
        if finding.profile:
            facts += [behind(finding), f"profile {finding.profile}"]
        if claim.chapter:
            facts.append(f"chapter {claim.chapter}")
        facts.append(chance(verdict))
        effects = map(in_words, finding.directions if finding.tested else [])
        blocks.append("\n     ".join([f"{claim.id:<4} {claim.article}", "; ".join(filter(None, facts)), *effects]))
    return "\n\n".join(blocks)


def markdown(verdicts: Sequence[Verdict], link: Callable[[Claim], str]) -> str:
    """The scorecard as a Markdown table: claim, the article, our effects, runs and seeds, profile, verdict.

    Args:
        link: the claim's id as a link to its chapter, such as ``book_link``; called only for claims with a chapter.
    """
    lines = [
        "| claim | the article says | our effect [95 % interval] | runs and seeds | profile | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for verdict in verdicts:
        finding, claim = verdict.finding, verdict.claim
        effects = "counted" if finding.holds is not None else "–"
        if finding.tested:
            effects = "<br>".join(map(in_words, finding.directions))
        cells = (
            link(claim) if claim.chapter else claim.id,
            claim.article,
            effects,
            behind(finding),
            finding.profile or "–",
            "<br>".join(filter(None, (str(verdict), chance(verdict), wish(verdict)))),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def book_link(claim: Claim) -> str:
    """Link of a page of the book."""
    return f"{{doc}}`{claim.id} <{claim.chapter}>`"


def github_link(claim: Claim) -> str:
    """Link of a file in the root of the repository."""
    return f"[{claim.id}](notebooks/{claim.chapter}.ipynb)"
