"""The foot of a page: its notebook, the numbers behind its figures, and the commands that make it anew."""

import ast
from collections.abc import Iterator

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from odestack.book.pictures import Picture, pictures


def colophon(executed: NotebookNode, document: str) -> NotebookNode:
    """A cell with links and commands, for the end of an executed notebook.

    Args:
        document: name of the page in the contents of the book, such as "chapters/02_error_theory".
    """
    root = "../" * document.count("/")
    entries = [
        f'<a href="{root}_sources/{document}.ipynb" download>The notebook</a> as it was run for this page',
        f"Run it again: `make book/{document}.ipynb`",
    ]
    if studies := list(dict.fromkeys(used_studies(executed))):
        studies = ["all"] if "all" in studies else studies
        runs = ", ".join(f'<a href="{root}results_explorer.html?study={name}">{name}</a>' for name in studies)
        entries.append(f'Its runs, one by one: {runs}; <a href="{root}data.html">all records as tables</a>')
        entries.append(f"Train what its studies lack: `odestack sweep {' '.join(studies)} --profile cpu`")
    if figures := [_link(picture, f"{root}{folder(document)}") for picture in pictures(executed) if picture.csv]:
        entries.append("\n  - ".join(["The numbers behind its figures (CSV):", *figures]))
    text = "\n".join(f"- {entry}" for entry in entries)
    cell = new_markdown_cell(
        f"```{{dropdown}} This page: notebook, data, commands\n:class-container: colophon\n\n{text}\n```"
    )
    return NotebookNode(cell | {"id": "colophon"})


def folder(document: str) -> str:
    """Where the site keeps the numbers behind a page's figures."""
    return f"data/figures/{document.removeprefix('chapters/')}"


def used_studies(notebook: NotebookNode) -> Iterator[str]:
    """Names of the studies whose evidence a notebook gathers; "all" where it does not gather them by name."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(TransformerManager().transform_cell(cell.source))):
                match node:
                    case ast.Call(func=ast.Name("gather") | ast.Attribute(attr="gather"), args=[study, *_]):
                        yield str(study.value) if isinstance(study, ast.Constant) else "all"


def _link(picture: Picture, folder: str) -> str:
    words = picture.caption or picture.alt
    return f'<a href="{folder}/{picture.file}.csv" download>{picture.file}</a>: {first_sentence(words)}'


def first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."
