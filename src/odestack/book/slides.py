"""Slides of a lecture, from a text and the figures of the executed chapters: one page of HTML beside the book.

    python -m odestack.book.slides book/slides.md _build/html/slides.html

In the text, lines of three dashes separate the slides, ``![](fig-name)`` is a figure of the book by its reference name,
``{verdicts}`` is a table of them, and mathematics stands between dollars. The page scrolls from slide to slide and
prints one slide a sheet.
"""

import argparse
import html
import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from odestack import claims
from odestack.book import chapters
from odestack.book.pictures import Picture
from odestack.claims import answer
from odestack.lab.files import write_atomically

SEPARATOR = re.compile(r"^---$", re.MULTILINE)
FIGURE = re.compile(r"!\[\]\((fig-[a-z0-9-]+)\)")
PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="_static/favicon.svg">
<link rel="stylesheet" href="slides.css">
<script defer src="_static/mathjax/tex-chtml.js"></script>
</head>
<body>
$slides
</body>
</html>
"""
)


def page(text: str, pictures: Mapping[str, Picture], values: Mapping[str, str]) -> str:
    """The HTML page of a text; its title is the first heading. A figure that is not there yet is named as not run."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    text = FIGURE.sub(lambda match: f"\n\n{_figure(match[1], pictures)}\n\n", text)
    markdown = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=_mathematics)
    slides = [f"<section>\n{markdown.render(slide)}</section>" for slide in SEPARATOR.split(text)]
    title = re.search(r"^# (.*)$", text, re.MULTILINE)
    return PAGE.substitute(title=html.escape(title[1] if title else "Slides"), slides="\n".join(slides))


def verdicts() -> str:
    """The claims by verdict, as a table in Markdown."""
    found = answer.counts(claims.scorecard())
    rows = [f"| {word} | {', '.join(ids)} |" for word, ids in found.items() if ids]
    return "\n".join(["| verdict | claims |", "|---|---|", *rows])


def _figure(name: str, pictures: Mapping[str, Picture]) -> str:
    if name not in pictures:
        return f"*Not run yet: the figure* `{name}`."
    picture = pictures[name]
    data, alt = b64encode(picture.png).decode(), html.escape(picture.alt, quote=True)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{alt}"></figure>'


def _mathematics(content: str, options: dict[str, Any]) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return f"{left}{html.escape(content.strip(), quote=False)}{right}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="odestack.book.slides", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("text", type=Path, help="text of the slides")
    parser.add_argument("out", type=Path, help="HTML page to write, into the folder of the built book")
    arguments = parser.parse_args()
    pictures = {picture.name: picture for chapter in chapters.executed() for picture in chapter.pictures}
    content = page(arguments.text.read_text(encoding="utf-8"), pictures, {"verdicts": verdicts()})
    write_atomically(arguments.out, content.encode())


if __name__ == "__main__":
    main()
