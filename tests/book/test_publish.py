"""A notebook becomes a page only if it ran whole; else the last good page stays, and one message says why."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from odestack.book import publish
from odestack.book.publish import ChapterError

PARAMETERS = new_code_cell('profile = "auto"\nbudget = 0', metadata={"tags": ["parameters"]})
LAST_GOOD = "the last good page"
VALUES = {"profile": "smoke", "budget": 0}


def cell(source: str, *tags: str, alt: str | None = None) -> NotebookNode:
    metadata: dict = {"tags": [*tags]}
    if alt is not None:
        metadata["mystnb"] = {"image": {"alt": alt}}
    return new_code_cell(source, metadata=metadata)


@pytest.fixture
def chapter(tmp_path: Path) -> Callable[..., Path]:
    """Writes a notebook of a title and the given cells, beside the last good `page.ipynb`."""

    def write(*cells: NotebookNode) -> Path:
        path = tmp_path / "chapter.ipynb"
        nbformat.write(new_notebook(cells=[new_markdown_cell("# Title"), *cells]), path)
        (tmp_path / "page.ipynb").write_text(LAST_GOOD)
        return path

    return write


def refused(path: Path) -> str:
    """The message with which a notebook is refused; checks that nothing but the last good page is left."""
    with pytest.raises(ChapterError) as caught:
        publish.publish(path, path.with_name("page.ipynb"), dict(VALUES))
    assert path.with_name("page.ipynb").read_text() == LAST_GOOD
    assert {p.name for p in path.parent.iterdir()} == {"chapter.ipynb", "page.ipynb"}
    message = str(caught.value)
    assert message.startswith("chapter.ipynb: ")
    assert "\n" not in message
    return message


def test_a_good_notebook_is_published(chapter: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    shows = cell("import sys\nprint(profile, sys.executable)")
    draws = cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", alt="A rising line")
    path = chapter(PARAMETERS, shows, draws, cell(""))
    publish.publish(path, path.with_name("page.ipynb"), dict(VALUES))
    page = nbformat.read(path.with_name("page.ipynb"), as_version=4)
    assert page.cells[3].outputs[0].text == f"smoke {sys.executable}\n"
    assert "image/png" in page.cells[4].outputs[0].data
    assert "remove-cell" in page.cells[1].metadata.tags
    assert page.cells[2].source.strip().endswith('profile = "smoke"\nbudget = 0')
    assert "4 code cells ran" in capsys.readouterr().out


def test_a_page_may_hide_its_parameters(chapter: Callable[..., Path]) -> None:
    path = chapter(cell(PARAMETERS.source, "parameters", "remove-cell"), cell("profile"))
    publish.publish(path, path.with_name("page.ipynb"), dict(VALUES))
    page = nbformat.read(path.with_name("page.ipynb"), as_version=4)
    *shown, foot = [cell.source for cell in page.cells if "remove-cell" not in publish.tags(cell)]
    assert shown == ["# Title", "profile"]
    assert "This page: notebook, data, commands" in foot


def test_a_failing_cell_is_named(chapter: Callable[..., Path]) -> None:
    path = chapter(PARAMETERS, cell("x = 0"), cell("y = 1\ny / x"), cell("z = 1"))
    assert refused(path) == "chapter.ipynb: cell 4 (y = 1) raised ZeroDivisionError: division by zero"


def test_a_swallowed_exception_is_found(chapter: Callable[..., Path]) -> None:
    path = chapter(cell("1 / 0", "raises-exception"), cell("2"))
    assert "cell 2 (1 / 0) raised ZeroDivisionError" in refused(path)


def test_a_notebook_that_leaves_early_is_refused(chapter: Callable[..., Path]) -> None:
    message = refused(chapter(cell("import sys; sys.exit(0)"), cell("2")))
    assert "cell 2" in message
    assert "cell 3 (2) never ran" in message


def test_a_dead_kernel_is_named(chapter: Callable[..., Path]) -> None:
    death = cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    message = refused(chapter(cell("x = 0"), death, cell("z = 1")))
    assert "cell 3 (import os, signal): DeadKernelError" in message


def test_a_cell_that_takes_too_long_is_named(chapter: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "PATIENCE", 2)
    path = chapter(PARAMETERS, cell("import time\ntime.sleep(60)"))
    assert refused(path).startswith("chapter.ipynb: cell 3 (import time): CellTimeoutError: ")


@pytest.mark.parametrize("alt", [None, "", "figure.png"])
def test_a_figure_without_alt_text_is_refused(chapter: Callable[..., Path], alt: str | None) -> None:
    path = chapter(cell("x = 0"), cell("import matplotlib.pyplot as plt\nplt.plot([1, 2]);", alt=alt))
    assert "cell 3 (import matplotlib.pyplot as plt) shows a figure without alt text" in refused(path)


def test_an_undeclared_parameter_is_refused(chapter: Callable[..., Path]) -> None:
    path = chapter(cell('profle = "auto"\nbudget = 0', "parameters"), cell("1"))
    assert "no cell tagged `parameters` assigns 'profile'" in refused(path)


def test_a_chapter_with_experiments_must_take_the_parameters(chapter: Callable[..., Path]) -> None:
    path = chapter(cell('profile = "auto"\nbudget = 0'), cell("from odestack.studies import cost"))
    assert "no cell tagged `parameters`" in refused(path)


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "odestack.book.publish", path, path.with_name("page.ipynb")]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_fails_with_one_message(chapter: Callable[..., Path]) -> None:
    path = chapter(cell("1 / 0"))
    done = run(path)
    assert done.returncode == 1
    message = "chapter.ipynb: cell 2 (1 / 0) raised ZeroDivisionError: division by zero"
    assert done.stderr.splitlines()[-1] == message
    assert path.with_name("page.ipynb").read_text() == LAST_GOOD


def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.ipynb").write_text("{")
    done = run(tmp_path / "broken.ipynb")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package `odestack`: `a.one` imports `b.two` relatively, `b` has a further module `three`."""
    files = {
        "odestack/__init__.py": "",
        "odestack/a/__init__.py": "",
        "odestack/a/one.py": "def f():\n    from ..b import two, three_things\n",
        "odestack/b/__init__.py": "three_things = 3",
        "odestack/b/two.py": "import numpy",
        "odestack/b/three.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import numpy", set()),
        ("%matplotlib inline\nimport odestack.b.three", {"b/__init__.py", "b/three.py"}),
        ("from odestack.a import one", {"a/__init__.py", "a/one.py", "b/__init__.py", "b/two.py"}),
    ],
)
def test_dependencies_are_found_through_imports(package: Path, code: str, expected: set[str]) -> None:
    found = publish.dependencies(publish.imports(new_notebook(cells=[cell(code)])), source=package)
    expected = expected | ({"__init__.py"} if expected else set())
    assert {str(path.relative_to(package / "odestack")) for path in found} == expected


def test_the_run_store_is_a_prerequisite_where_it_is_read() -> None:
    out = publish.ROOT / "book" / "chapters" / "x.ipynb"
    reads = publish.make_rule(new_notebook(cells=[cell("from odestack.lab import records")]), out)
    assert reads.startswith("book/chapters/x.ipynb: src/odestack/__init__.py ")
    assert reads.splitlines()[0].endswith(" $(RECORDS)")
    assert "src/odestack/lab/records.py:" in reads.splitlines()
    theory = publish.make_rule(new_notebook(cells=[cell("from odestack.methods import catalogue")]), out)
    assert "RECORDS" not in theory
    assert "src/odestack/methods/tableau.py" in theory
