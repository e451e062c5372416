"""The repository's address, a setting of book/_config.yml, in the places that need it.

    python -m odestack.book.address

writes it into every notebook, as a first cell that installs the package where it is missing, as on Colab. While the
book is built, this module is a Sphinx extension: it makes the buttons for Binder and Colab open the notebooks
themselves, which lie outside the book's folder. Without an address there is no such cell, and there are no buttons.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from odestack.book import ROOT

SOURCES = {"book/chapters/": "notebooks/", "book/": "notebooks/pages/"}
"""Where the notebooks of the book's pages are in the repository, by folder of the page."""
ID = "install"


def address() -> str:
    """The repository's address, such as https://github.com/owner/name; empty if it has none yet."""
    return yaml.safe_load((ROOT / "book" / "_config.yml").read_text())["repository"]["url"].removesuffix("/")


def install_cell(url: str) -> NotebookNode:
    """A cell that fetches the repository and installs the package, and does nothing where the package is installed."""
    source = f"""# Where the package is missing, as on Colab, this fetches and installs it; elsewhere it does nothing.
import sys
from importlib.util import find_spec

if find_spec("odestack") is None:
    !git clone --quiet --depth 1 {url} odestack
    !pip install --quiet --editable "odestack[book]"
    sys.path.append("odestack/src")"""
    return NotebookNode(new_code_cell(source, metadata={"tags": ["remove-cell"]}) | {"id": ID})


def with_install_cell(notebook: NotebookNode, url: str) -> NotebookNode:
    """The notebook with that cell after its title, or without it if the address is empty."""
    title, *cells = [cell for cell in notebook.cells if cell.id != ID]
    return NotebookNode(notebook | {"cells": [title, *([install_cell(url)] if url else []), *cells]})


def notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").rglob("*.ipynb"))


def in_repository(link: str) -> str:
    """A button's link to a page of the book, turned into one to its notebook."""
    for page, source in SOURCES.items():
        if page in link:
            return link.replace(page, source, 1)
    return link


def redirect(buttons: Iterable[dict[str, Any]]) -> None:
    """Turn the launch buttons in a page's header to the notebooks."""
    for button in buttons:
        if button.get("label") == "launch-buttons":
            for each in button["buttons"]:
                each["url"] = in_repository(each["url"])


def offer_buttons(app: Any, config: Any) -> None:
    """Those to the repository and its issues; and none at all while there is no repository that they could open."""
    options = config.html_theme_options
    if options.get("repository_url"):
        options |= {"use_repository_button": True, "use_issues_button": True}
    else:
        options |= {"launch_buttons": {}}


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this; the priority is behind that of the theme, which makes the buttons."""
    app.connect("config-inited", offer_buttons)
    app.connect("html-page-context", lambda *args: redirect(args[3].get("header_buttons", [])), priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def main() -> None:
    url = address()
    for path in notebooks():
        nbformat.write(with_install_cell(nbformat.read(path, as_version=4), url), path)
    print(f"The notebooks install the package from {url}" if url else "book/_config.yml gives no address: no cells")


if __name__ == "__main__":
    main()
