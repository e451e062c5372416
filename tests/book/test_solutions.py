"""A chapter without solutions keeps its exercises and everything else."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from odestack.book import ROOT
from odestack.book.solutions import TAG, without_solutions

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXERCISES = """## Exercises

**1 (warm-up).** Which order?

```{dropdown} Solution
Order 2.
```

**2 (core).** And this one?

````{dropdown} Solution
With code:
```python
print(3)
```
````
"""


def hidden(source: str) -> nbformat.NotebookNode:
    return new_code_cell(source, metadata={"tags": ["hide-cell"]})


def test_only_what_belongs_to_a_solution_goes() -> None:
    notes = new_markdown_cell("## Teacher's notes", metadata={"tags": [TAG]})
    cells = [hidden("a = 1"), notes, new_markdown_cell(EXERCISES), hidden("answer"), new_code_cell("try_it")]
    solution_alone = new_markdown_cell("```{dropdown} Solution\nYes.\n```")
    notebook = new_notebook(cells=[*cells, solution_alone, new_markdown_cell("## References"), hidden("b = 2")])
    before = nbformat.writes(notebook)
    exercises = "## Exercises\n\n**1 (warm-up).** Which order?\n\n\n**2 (core).** And this one?"
    assert [cell.source for cell in without_solutions(notebook).cells] == [
        *("a = 1", exercises, "try_it", "## References", "b = 2")
    ]
    assert nbformat.writes(notebook) == before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_chapter_shows_a_solution(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = without_solutions(notebook).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "Solution" not in text.partition("## Exercises")[2]
    for number in (1, 2, 3):
        assert f"\n**{number}" in text.partition("## Exercises")[2]
    dropped = len(notebook.cells) - len(cells)
    assert 3 <= dropped < len(notebook.cells) / 2
