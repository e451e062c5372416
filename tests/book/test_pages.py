"""What a reader's browser meets on every page of the book, in light and in dark."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urldefrag, urljoin

import pytest
import yaml
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$|^_images/|^$", re.IGNORECASE)
LIGHTNESS = "e => getComputedStyle(e).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"


@dataclass
class Visit:
    """A page that stays open while its tests run, and what went wrong while it loaded."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> Literal["light", "dark"]:
    return request.param


@pytest.fixture(scope="module", params=PAGES)
def visit(
    request: pytest.FixtureRequest, browser: Browser, site: str, scheme: Literal["light", "dark"]
) -> Iterator[Visit]:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda m: seen.complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    local = (site, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(local) else seen.external.append(r.url))
    page.on("response", lambda r: seen.missing.append(r.url) if r.status >= 400 else None)
    page.goto(f"{site}/{request.param}.html", wait_until="networkidle")
    page.evaluate("window.MathJax?.startup?.promise")
    yield seen
    context.close()


def test_nothing_is_complained_of_or_missing(visit: Visit) -> None:
    assert visit.complaints == []
    assert visit.missing == []


def test_no_request_leaves_the_machine(visit: Visit) -> None:
    assert visit.external == []


def test_the_colour_scheme_is_followed(visit: Visit, scheme: str) -> None:
    background = visit.page.locator("body").evaluate(LIGHTNESS)
    assert (sum(background) / 3 > 128) == (scheme == "light")


def test_every_picture_is_described(visit: Visit) -> None:
    described = visit.page.locator("img").evaluate_all("all => all.map(e => e.getAttribute('alt') ?? '')")
    assert [alt for alt in described if FILE_NAME.search(alt.strip())] == []
    drawn = visit.page.locator(".cell_output svg").evaluate_all(
        "all => all.filter(e => !e.closest('mjx-container, .js-plotly-plot')"
        " && !e.getAttribute('aria-label') && !e.querySelector('title')).length"
    )
    assert drawn == 0


def test_no_picture_is_broken(visit: Visit) -> None:
    images = visit.page.locator("article img, .bd-article img")
    assert images.evaluate_all("all => all.filter(e => e.complete && !e.naturalWidth).map(e => e.src)") == []


def test_mathematics_is_typeset(visit: Visit) -> None:
    plain = ".math.notranslate:not(:has(mjx-container))"
    assert visit.page.locator(plain).all_inner_texts() == []
    assert visit.page.locator("mjx-merror, [data-mjx-error]").count() == 0
    prose = visit.page.locator("article").evaluate(
        "e => { const copy = e.cloneNode(true);"
        " copy.querySelectorAll('pre, code, script, mjx-container').forEach(c => c.remove());"
        " return copy.textContent; }"
    )
    assert re.findall(r"\$\$|\\frac|\\sum|\\begin\{|\{(?:cite|ref|eq|numref|term|doc)\b", prose) == []


def test_no_cell_shows_an_error_or_a_warning(visit: Visit) -> None:
    assert visit.page.locator(".cell_output .stderr, .cell_output .traceback").all_inner_texts() == []


def test_interactive_figures_are_drawn(visit: Visit) -> None:
    wanted = visit.page.locator(".plotly-graph-div").count()
    drawn = visit.page.locator(".plotly-graph-div .main-svg").count()
    assert drawn >= wanted
    loads = visit.page.locator("script[src*=plotly]").count()
    assert (loads > 0) == (wanted > 0), "plotly is loaded by interactive pages, and by no other"


def test_every_internal_link_leads_somewhere(visit: Visit, site: str) -> None:
    hrefs = visit.page.locator("a[href]").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    broken = []
    for href in set(hrefs):
        address, anchor = urldefrag(urljoin(visit.page.url, href))
        if not address.startswith(site):
            continue
        path = ROOT / "_build" / "html" / unquote(address.removeprefix(site)).lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file() or (anchor and not has_anchor(path, unquote(anchor))):
            broken.append(href)
    assert broken == []


def has_anchor(path: Path, anchor: str) -> bool:
    return re.search(rf'\b(id|name)="{re.escape(anchor)}"', path.read_text()) is not None


def test_the_front_page_leads_to_the_book(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/", wait_until="networkidle")
    assert page.title().startswith("Residual networks as Runge–Kutta methods")
    page.close()
