"""One setting has the repository's address; buttons and notebooks follow it."""

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
    address.without_address(None, SimpleNamespace(html_theme_options=options))
    assert options["launch_buttons"] == buttons
