"""The scorecard as a reader sees it: on a page, in a terminal, in the README."""

from collections.abc import Callable, Sequence
from math import isfinite

import pandas as pd

from odestack.claims.scorecard import frame
from odestack.claims.verdicts import NOT_RUN, Claim, Direction, Finding, Verdict


def table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """``frame`` for a page: index claim and effect; columns asks, estimate, low, high, unit, runs, verdict, as text.

    An infinite or missing number is shown as a dash.
    """
    shown = frame(verdicts).set_index(["claim", "effect"])
    for column in ("estimate", "low", "high"):
        shown[column] = shown[column].map(number)
    columns = ["asks", "estimate", "low", "high", "unit", "runs", "verdict"]
    return pd.DataFrame({column: [value or "–" for value in shown[column]] for column in columns}, index=shown.index)


def number(value: float) -> str:
    """Two decimals with sign, or a dash."""
    return f"{value:+.2f}" if isfinite(value) else "–"


def in_words(direction: Direction) -> str:
    """A direction's effect, its estimate with interval and what it asks for."""
    effect = direction.effect
    if effect is None:
        return f"{direction.what}: {NOT_RUN}"
    low, high = effect.interval()
    interval = f"[{number(low)}, {number(high)}]" if isfinite(low) else "(no interval)"
    return f"{direction.what}: {number(effect.estimate)} {interval} {direction.unit}, asked {direction.asks}"


def behind(finding: Finding) -> str:
    """How many runs and seeds."""
    if not finding.runs:
        return "–"
    return f"{finding.runs} {'run' if finding.runs == 1 else 'runs'}, {finding.seeds} seed{'s' * (finding.seeds > 1)}"


def text(verdicts: Sequence[Verdict]) -> str:
    """The scorecard for a terminal."""
    lines = []
    for verdict in verdicts:
        finding = verdict.finding
        lines.append(f"{verdict.claim.id:<4} {verdict.claim.article}")
        facts = [verdict.verdict]
        if finding.runs:
            facts += [behind(finding), f"profile {finding.profile}"]
        if verdict.claim.chapter:
            facts.append(f"chapter {verdict.claim.chapter}")
        lines.append(f"     {'; '.join(facts)}")
        lines += [f"     - {in_words(direction)}" for direction in finding.directions]
        if verdict.more_seeds:
            lines.append(f"     asks for another seed of: {', '.join(verdict.more_seeds)}")
        lines.append("")
    return "\n".join(lines).rstrip()


def markdown(verdicts: Sequence[Verdict], link: Callable[[Claim], str]) -> str:
    """The scorecard as a Markdown table: claim, the article, our effects, runs and seeds, profile, verdict.

    Args:
        link: the claim's id as a link to its chapter; called only for claims with a chapter.
    """
    lines = [
        "| claim | the article says | our effect [95 % interval] | runs, seeds | profile | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for verdict in verdicts:
        finding, claim = verdict.finding, verdict.claim
        name = link(claim) if claim.chapter else claim.id
        effects = "<br>".join(map(in_words, finding.directions)) or ("counted" if finding.holds is not None else "–")
        cells = (name, claim.article, effects, behind(finding), finding.profile or "–", verdict.verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def book_link(claim: Claim) -> str:
    """Link of a page of the book."""
    return f"{{doc}}`{claim.id} <{claim.chapter}>`"


def github_link(claim: Claim) -> str:
    """Link of a file in the root of the repository."""
    return f"[{claim.id}](notebooks/{claim.chapter}.ipynb)"
