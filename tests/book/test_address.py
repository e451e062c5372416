"""One setting has the repository's address; buttons and notebooks follow it."""

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from odestack.book import address

URL = "https://example.org/owner/name"


@pytest.mark.parametrize("path", address.notebooks(), ids=lambda path: path.stem)
def test_every_notebook_has_the_address_of_the_setting(path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert address.with_install_cell(notebook, address.address()) == notebook, "run: python -m odestack.book.address"


def test_the_cell_comes_after_the_title_once_and_goes_with_the_address() -> None:
    bare = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("1")])
    filled = address.with_install_cell(address.with_install_cell(bare, "https://example.org/old"), URL)
    assert [cell.id for cell in filled.cells] == [bare.cells[0].id, "install", bare.cells[1].id]
    assert URL in filled.cells[1].source
    assert address.with_install_cell(filled, "") == bare


def test_the_cell_does_nothing_where_the_package_is_installed() -> None:
    code = "\n".join(line for line in address.install_cell(URL).source.splitlines() if "!" not in line)
    exec(code, {})


def test_the_cell_installs_the_package_where_it_is_missing(tmp_path: Path) -> None:
    """As on Colab, but for the other packages: those of this environment are lent, so that no network is needed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    (folder,) = (tmp_path / "venv" / "lib").glob("python3*/site-packages")
    (folder / "lent.pth").write_text(sysconfig.get_path("purelib"))
    pip = python.with_name("pip")
    pip.write_text(f'#!/bin/sh\nexec {python} -m pip "$@"\n')
    pip.chmod(0o755)
    cell = address.install_cell(address.ROOT.as_uri()).source
    shell = re.sub(r"^( *)!(.*)$", lambda m: f"{m[1]}import os; assert os.system({m[2]!r}) == 0", cell, flags=re.M)
    script = f"{shell}\nimport odestack\nprint(odestack.__file__)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PATH": f"{python.parent}{os.pathsep}{environment['PATH']}", "PIP_NO_BUILD_ISOLATION": "0"}
    environment |= dict.fromkeys(("PIP_NO_INDEX", "PIP_NO_DEPS", "PIP_DISABLE_PIP_VERSION_CHECK"), "1")

    def run(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([python, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert "No module named 'odestack'" in run("import odestack").stderr
    done = run(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "odestack" / "src" / "odestack" / "__init__.py")


@pytest.mark.parametrize(
    ("page", "notebook"),
    [
        ("book/chapters/02_error_theory.ipynb", "notebooks/02_error_theory.ipynb"),
        ("book/intro.ipynb", "notebooks/pages/intro.ipynb"),
    ],
)
def test_buttons_open_the_notebooks(page: str, notebook: str) -> None:
    assert (address.ROOT / notebook).is_file()
    launch = {"label": "launch-buttons", "buttons": [{"url": f"https://colab.example/github/o/r/blob/main/{page}"}]}
    address.redirect([{"label": "download-buttons"}, launch])
    assert launch["buttons"][0]["url"] == f"https://colab.example/github/o/r/blob/main/{notebook}"


@pytest.mark.parametrize(("url", "buttons"), [("", {}), (URL, {"colab_url": "https://colab.example"})])
def test_without_an_address_there_are_no_buttons(url: str, buttons: dict[str, str]) -> None:
    options = {"repository_url": url, "launch_buttons": {"colab_url": "https://colab.example"}}
    address.offer_buttons(None, SimpleNamespace(html_theme_options=options))
    assert options["launch_buttons"] == buttons
    repository = {"use_repository_button", "use_issues_button"}
    assert {name for name in repository if options.get(name)} == (repository if url else set())


def test_a_long_address_keeps_the_cell_within_the_style_guide() -> None:
    source = address.install_cell("https://github.com/" + "o" * 39 + "/residual-networks").source
    assert max(map(len, source.splitlines())) <= 120
