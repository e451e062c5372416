"""The article's claims: rules that were fixed before the runs, their verdicts, and the scorecard."""

from odestack.claims.rules import ARTICLE_GAINS
from odestack.claims.scorecard import CLAIMS, about, frame, markdown, scorecard, table, text
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
    "frame",
    "judge",
    "markdown",
    "scorecard",
    "table",
    "text",
]
