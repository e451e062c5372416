"""The computed parts of the README, each between two comments that name it: the answer so far, and the scorecard."""

from collections.abc import Sequence

from odestack.claims import answer
from odestack.claims.display import github_link, markdown
from odestack.claims.verdicts import Verdict
from odestack.studies.evidence import gather


def in_readme(readme: str, verdicts: Sequence[Verdict], profile: str = "auto") -> str:
    """The README with its computed parts written anew.

    Raises:
        ValueError: it lacks the comments around one of them.
    """
    parts = {
        "answer": answer.sentences(verdicts, gather("depth_by_order", profile)) + ".",
        "scorecard": markdown(verdicts, github_link),
    }
    for name, text in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        head, opened, rest = readme.partition(begin)
        _, closed, tail = rest.partition(end)
        if not opened or not closed:
            raise ValueError(f"the file lacks the lines {begin} and {end}, between which the {name} goes")
        readme = f"{head}{begin}\n{text}\n{end}{tail}"
    return readme
