"""A notebook runs with pip and papermill alone, as the README says for places without make."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat

from odestack.book import ROOT
from odestack.book.publish import faults

COMMAND = re.compile(r"^\.venv/bin/python (-m papermill .*) (notebooks/\S+) (\S+)$", re.MULTILINE)


def test_the_command_of_the_readme_runs_a_notebook(tmp_path: Path) -> None:
    """That command with the page that trains least, and four steps for each network."""
    ((options, _, _),) = COMMAND.findall((ROOT / "README.md").read_text())
    page, out = "notebooks/add_your_own_method.ipynb", tmp_path / "out.ipynb"
    command = [sys.executable, *options.split(), page, str(out), "-p", "profile", "smoke", "--no-progress-bar"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(faults(nbformat.read(out, as_version=4))) == []


def test_pip_installs_what_a_notebook_needs() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["book"]
    assert {"ipykernel", "papermill"} <= {re.split("[<>=]", name)[0] for name in extras}
