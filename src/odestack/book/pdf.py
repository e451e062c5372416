"""The whole book as one PDF: Sphinx puts all pages into one, and a browser prints it.

python -m odestack.book.pdf _build/singlehtml _build/book.pdf
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

from odestack.book import ROOT

SCRIPTS = ROOT / "book" / "scripts"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOOTER = (
    '<div style="width: 100%; font-size: 8px; text-align: center">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)
MARGIN = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
PATIENCE = 600_000
"""Milliseconds for loading, typesetting and printing, each."""


def browser() -> str | None:
    """Path of a chromium: the environment's CHROMIUM, else what is installed; None if there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def one_page(site: Path) -> Path:
    """The page of a singlehtml build, with the scripts beside it that chapters look for one folder up."""
    import plotly

    page = site / "intro.html"
    for script in (Path(plotly.__file__).parent / "package_data" / "plotly.min.js", *SCRIPTS.glob("*.js")):
        shutil.copy(script, site / "_static")
    text = page.read_text().replace('src="../_static/', 'src="_static/')
    page.write_text(re.sub(r'href="chapters/\w+\.html#', 'href="#', text))
    return page


def write(page: Path, out: Path, chromium: str) -> None:
    """Print a page, mathematics typeset and folded parts opened, as A4 with an outline and page numbers."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        view = started.new_page(color_scheme="light")
        view.set_default_timeout(PATIENCE)
        view.goto(page.resolve().as_uri(), wait_until="load", timeout=PATIENCE)
        view.evaluate("window.MathJax?.startup?.promise")
        view.evaluate("document.querySelectorAll('details.sd-dropdown').forEach(each => each.open = true)")
        view.pdf(
            path=out,
            format="A4",
            margin=MARGIN,  # type: ignore[arg-type]
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            print_background=True,
            outline=True,
            tagged=True,
        )
        started.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="odestack.book.pdf", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("site", type=Path, help="folder of a singlehtml build")
    parser.add_argument("out", type=Path, help="the PDF")
    arguments = parser.parse_args()
    chromium = browser()
    if chromium is None:
        sys.exit("no chromium found: apt-get install chromium (Debian), or set CHROMIUM to its path")
    write(one_page(arguments.site), arguments.out, chromium)
    print(f"The book as one PDF: {arguments.out}")


if __name__ == "__main__":
    main()
