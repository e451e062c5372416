"""A chapter as a teacher gives it to a class: without the solutions of its exercises."""

import re
from copy import deepcopy

from nbformat import NotebookNode

TAG = "solution"
"""Tag of a cell outside the exercises that goes as well, such as notes for the teacher."""
DROPDOWN = re.compile(r"^(`{3,})\{dropdown\} Solution\n.*?^\1[ \t]*$\n?", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)


def without_solutions(notebook: NotebookNode) -> NotebookNode:
    """A copy without the dropdowns named Solution, the hidden cells of the exercises, and the cells tagged ``TAG``."""
    page, section = deepcopy(notebook), ""
    kept: list[NotebookNode] = []
    for cell in page.cells:
        tags = cell.metadata.get("tags", [])
        hidden = section == "Exercises" and cell.cell_type == "code" and "hide-cell" in tags
        if cell.cell_type == "markdown":
            section = (HEADING.findall(cell.source) or [section])[-1]
            cell.source = DROPDOWN.sub("", cell.source).strip()
        if not hidden and TAG not in tags and (cell.source or cell.cell_type == "code"):
            kept.append(cell)
    page.cells = kept
    return page
