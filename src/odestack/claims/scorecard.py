"""The scorecard: every claim of the article, its rules, and its verdict from the records in the store."""

from collections.abc import Callable, Sequence
from math import isfinite, nan

import pandas as pd

from odestack.claims import rules
from odestack.claims.verdicts import NOT_RUN, Claim, Direction, Finding, Verdict, judge
from odestack.lab.config import ConfigError
from odestack.studies import evidence, get
from odestack.studies.evidence import Evidence

COST, DEPTH, RATE, METHODS, WORKING = (
    "04_stacking",
    "05_depth_and_order",
    "06_learning_rate",
    "07_ten_methods",
    "08_what_is_working",
)
NESTING, MULTISTEP = "09_nesting_and_adaptive", "10_multistep"

CLAIMS = (
    Claim(
        "C1",
        "Re-wiring costs nothing: 2+2×24 = 2+4×12 = 2+8×6 layers, equal parameters and FLOPs",
        COST,
        counted=rules.equal_cost,
    ),
    Claim(
        "C2",
        "The plain stack degrades: 58 layers are worse than 30-odd at an unchanged rate",
        DEPTH,
        {"headline": rules.degrades_to_58, "depth_by_order": rules.degrades_to_98},
    ),
    Claim(
        "C3",
        "At sufficient depth, accuracy rises with order",
        DEPTH,
        {"depth_by_order": rules.accuracy_rises_with_order},
    ),
    Claim(
        "C4",
        "The gap is small when shallow and grows with depth",
        DEPTH,
        {"depth_by_order": rules.gap_grows_with_depth},
    ),
    Claim(
        "C5",
        "Around 100 layers only order 4 still improves; orders 2 and 3 stall",
        DEPTH,
        {"depth_by_order": rules.only_order_4_improves},
    ),
    Claim("C6", "A large learning rate slows the early convergence of deep plain stacks, not of high-order ones", RATE),
    Claim("C7", "Where the plain stack's gradients explode, high-order stacks still train", RATE),
    Claim("C8", "Moving the downsampling into the first layer shifts the plain stack a lot, high-order little", RATE),
    Claim("C9", "Nesting high-order blocks: faster at first, no difference at the end", NESTING),
    Claim("C10", "Coefficients steered by the embedded error: no good rule found", NESTING),
    Claim("C11", "Damping by coefficients below 1 is the easiest visible gain for the plain stack", WORKING),
    Claim("C12", "Over ten methods, accuracy grows with order", METHODS),
    Claim("C13", "U-Net gains; transformers do not"),
    Claim("C14", "RepVGG gains from order 2, not from higher"),
    Claim("C15", "(conjecture) Loss surfaces get smoother with order"),
    Claim("C16", "Neural ODE: at one tolerance a higher-order solver does better, at many more evaluations"),
    Claim("C17", "Two or three layers per branch are best; fewer or more are worse", WORKING),
    Claim(
        "C18",
        "Order 4 gains "
        + " and ".join(f"{gain} points at {depth}" for depth, gain in rules.ARTICLE_GAINS.items())
        + " layers",
        DEPTH,
        {"headline": rules.gains_at_30_and_58},
    ),
    Claim("C19", "LM-ResNet (linear multistep) is another fruit of the same view", MULTISTEP),
    Claim("C20", "Tuning the rate or training longer cures the plain stack's degradation", RATE),
    Claim("C21", "A very deep plain stack fails; order 4 fails only later", RATE),
)
"""All claims. Those without rules belong to studies that do not exist yet."""


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
        complete=not any(each.missing for each in found),
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


def table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """``frame`` for a page: index claim and effect; columns asks, estimate, low, high, unit, runs, verdict, as text.

    An infinite or missing number is shown as a dash.
    """
    shown = frame(verdicts).set_index(["claim", "effect"])
    for column in ("estimate", "low", "high"):
        shown[column] = shown[column].map(number)
    shown = shown[["asks", "estimate", "low", "high", "unit", "runs", "verdict"]].astype(object)
    return shown.replace("", "–")


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
