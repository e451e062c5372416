"""Execute one notebook with papermill, check the result, and only then replace the chapter of the book.

    python -m odestack.book.publish notebooks/02_error_theory.ipynb book/chapters/02_error_theory.ipynb

A green papermill run is no proof of a good page: an exception may be swallowed by a cell tag, a dead kernel
leaves cells that never ran, and an unknown parameter is only warned about. So the gates look at the cells.
"""

import argparse
import ast
import logging
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
import papermill
from IPython.core.inputtransformer2 import TransformerManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError, strip_color

from odestack.book import ROOT
from odestack.book.colophon import colophon
from odestack.book.solutions import without_solutions
from odestack.lab.files import write_atomically

SOURCE = ROOT / "src"
PATIENCE = 3600
"""Seconds that a cell may take beside the budget for training."""
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$", re.IGNORECASE)


class ChapterError(ValueError):
    """A notebook that may not become a page; the message names the notebook, the cell and the fault."""


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def is_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.source.strip())


def numbered(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The cells with their number in the author's notebook (from 1), without those that papermill added."""
    added = {"injected-parameters", "papermill-error-cell-tag"}
    return enumerate((cell for cell in notebook.cells if added.isdisjoint(tags(cell))), start=1)


def described(number: int, cell: NotebookNode) -> str:
    return f"cell {number} ({cell.source.strip().splitlines()[0].strip()})"


def error_in(cell: NotebookNode) -> str | None:
    """The error that a cell shows, as `Name: message`, or None."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}"
    return None


def faults(executed: NotebookNode) -> Iterator[str]:
    """What keeps an executed notebook from being published, one sentence each."""
    for number, cell in numbered(executed):
        if not is_code(cell):
            continue
        where = described(number, cell)
        if error := error_in(cell):
            yield f"{where} raised {error}"
        elif cell.execution_count is None:
            yield f"{where} never ran"
        if any(kind.startswith("image/") for output in cell.outputs for kind in output.get("data", {})):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
            if not alt or FILE_NAME.search(alt):
                yield f"{where} shows a figure without alt text (cell metadata mystnb: image: alt)"


def declared_parameters(notebook: NotebookNode) -> set[str]:
    """The names assigned in the cell tagged `parameters`; empty where there is none."""
    for cell in notebook.cells:
        if "parameters" in tags(cell):
            targets = (node.targets for node in ast.parse(cell.source).body if isinstance(node, ast.Assign))
            return {target.id for names in targets for target in names if isinstance(target, ast.Name)}
    return set()


def imported(code: str, package: str) -> Iterator[str]:
    """Dotted names that `code`, a module of `package`, imports, submodules and attributes alike."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imports(notebook: NotebookNode) -> list[str]:
    cells = (TransformerManager().transform_cell(cell.source) for cell in notebook.cells if is_code(cell))
    return [name for cell in cells for name in imported(cell, "")]


def uses_runs(notebook: NotebookNode) -> bool:
    """Whether a notebook works with trained networks, which it reaches through these modules only."""
    return any(name.startswith(("odestack.lab", "odestack.studies", "odestack.claims")) for name in imports(notebook))


def dependencies(names: Sequence[str], source: Path = SOURCE) -> set[Path]:
    """The files of `odestack` behind these dotted names, and those that they import in turn; nothing is run."""
    names = [*names]
    found: set[Path] = set()
    while names:
        name = names.pop()
        if name.split(".")[0] != "odestack":
            continue
        folder = source.joinpath(*name.split("."))
        packages = [f / "__init__.py" for f in (folder, *folder.parents) if source in f.parents]
        for path in [folder.with_suffix(".py"), *packages]:
            if path.is_file() and path not in found:
                found.add(path)
                names += imported(path.read_text(), ".".join(path.relative_to(source).parts[:-1]))
    return found


def make_rule(notebook: NotebookNode, out: Path) -> str:
    """Make's prerequisites of a chapter: the package files behind it and behind its page, `$(RECORDS)` if it uses runs.

    Each file is also a target without a recipe, so that a removed one makes the chapter stale, not Make fail.
    """
    needed = dependencies([*imports(notebook), "odestack.book.publish"])
    files = sorted(os.path.relpath(path, ROOT) for path in needed)
    records = " $(RECORDS)" if uses_runs(notebook) else ""
    rules = [f"{os.path.relpath(out, ROOT)}: {' '.join(files)}{records}", *(f"{file}:" for file in files)]
    return "\n".join(rules) + "\n"


def document(out: Path) -> str:
    """Name of a page in the contents of the book."""
    return f"chapters/{out.stem}" if out.parent.name == "chapters" else out.stem


def hide_parameters(executed: NotebookNode) -> None:
    """The page shows the parameters that were used; none where their cell is tagged `remove-cell`."""
    injected = [cell for cell in executed.cells if "injected-parameters" in tags(cell)]
    declared = [cell for cell in executed.cells if injected and "parameters" in tags(cell)]
    for cell in injected if any("remove-cell" in tags(cell) for cell in declared) else declared:
        cell.metadata.tags.append("remove-cell")


def execute(path: Path, out: Path, parameters: dict[str, object]) -> NotebookNode:
    """Run a notebook in a fresh kernel of this environment, in its own folder; `out` follows cell by cell.

    Raises:
        ChapterError: a cell raised or took too long, the kernel died, or the notebook does not declare a parameter.
    """
    budget = float(str(parameters.get("budget", 0)))
    os.environ |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "JUPYTER_PREFER_ENV_PATH": "1"}
    os.environ.pop("JUPYTER_PATH", None)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    try:
        return papermill.execute_notebook(
            path,
            out,
            parameters,
            kernel_name="python3",
            language="python",
            cwd=path.parent,
            progress_bar=False,
            start_timeout=180,
            execution_timeout=PATIENCE + int(budget) if math.isfinite(budget) else None,
            extra_arguments=["--log-level=CRITICAL"],  # a kernel calls the interrupt that ends it an error
        )
    except PapermillExecutionError as error:
        failed = nbformat.read(out, as_version=4)
        print(strip_color("\n".join(error.traceback)), file=sys.stderr)
        fault = next((fault for fault in faults(failed) if " raised " in fault), f"{error.ename}: {error.evalue}")
        raise ChapterError(f"{path.name}: {fault}") from None
    except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
        started = [
            (number, cell)
            for number, cell in numbered(nbformat.read(out, as_version=4))
            if is_code(cell) and cell.metadata.papermill.start_time
        ]
        where = described(*started[-1]) if started else "the first cell"
        reason = " ".join(str(error).split("\n")[0].split())
        raise ChapterError(f"{path.name}: {where}: {type(error).__name__}: {reason}") from None


def publish(path: Path, out: Path, parameters: dict[str, object], *, solutions: bool = True) -> None:
    """Execute the notebook at `path`, check it, and put it in place of `out`; on failure `out` is untouched.

    All cells are run; without `solutions`, those of the exercises' solutions then stay off the page. Beside `out` goes
    a `.d` file with the chapter's prerequisites, in Make's language.

    Raises:
        ChapterError: see `execute` and `faults`.
    """
    notebook = nbformat.read(path, as_version=4)
    declared = declared_parameters(notebook)
    if not declared and not uses_runs(notebook):
        parameters = {}
    for name in parameters:
        if name not in declared:
            raise ChapterError(f"{path.name}: no cell tagged `parameters` assigns {name!r}; the book sets it")
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}")
    try:
        executed = execute(path, unfinished, parameters)
        if found := list(faults(executed)):
            raise ChapterError(f"{path.name}: " + "; ".join(found))
        hide_parameters(executed)
        page = executed if solutions else without_solutions(executed)
        page.cells.append(colophon(page, document(out)))
        nbformat.write(page, unfinished)
        write_atomically(out.with_suffix(".d"), make_rule(notebook, out).encode())
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    duration = executed.metadata.papermill.duration
    print(f"{path.name}: {sum(map(is_code, executed.cells))} code cells ran in {duration:.0f} s")


def seconds(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="odestack.book.publish", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("notebook", type=Path, help="notebook to execute")
    parser.add_argument("out", type=Path, help="executed notebook, replaced only on success")
    parser.add_argument("--profile", default="auto", help="auto, smoke, cpu or gpu (default: auto)")
    parser.add_argument("--budget", type=seconds, default=0, help="seconds for missing runs, or inf")
    parser.add_argument("--solutions", default="yes", choices=["yes", "no"], help="of the exercises, on the page")
    arguments = parser.parse_args()
    parameters = {"profile": arguments.profile, "budget": arguments.budget}
    try:
        publish(arguments.notebook, arguments.out, parameters, solutions=arguments.solutions == "yes")
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
