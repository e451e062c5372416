"""The article's claims: their rules, verdicts, and the scorecard."""

from odestack.claims.display import book_link, github_link, markdown, table, text
from odestack.claims.readme import in_readme
from odestack.claims.registry import CLAIMS
from odestack.claims.rules.depth import ARTICLE_GAINS
from odestack.claims.scorecard import about, frame, scorecard
from odestack.claims.verdicts import (
    ALPHA,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    NOT_RUN,
    REPRODUCED,
    SMALLEST,
    SMALLEST_LOSS,
    Claim,
    Direction,
    Finding,
    Verdict,
    judge,
)

__all__ = [
    "ALPHA",
    "ARTICLE_GAINS",
    "CLAIMS",
    "INCONCLUSIVE",
    "NOT_REPRODUCED",
    "NOT_RUN",
    "REPRODUCED",
    "SMALLEST",
    "SMALLEST_LOSS",
    "Claim",
    "Direction",
    "Finding",
    "Verdict",
    "about",
    "book_link",
    "frame",
    "github_link",
    "in_readme",
    "judge",
    "markdown",
    "scorecard",
    "table",
    "text",
]
