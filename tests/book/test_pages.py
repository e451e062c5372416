"""What a reader's browser meets on every page: in light and in dark, wide and on a phone, served and as a file.

Each page is opened twice: from a server in light, 1280 pixels wide, and as a file in dark, which ends on a phone.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize
from website import PAGES, PATIENCE, SITE

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDE = ViewportSize(width=1280, height=720)
PHONE = ViewportSize(width=360, height=780)
PAPER = ViewportSize(width=673, height=986)  # A4 within the margins of odestack.book.pdf
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$|^_images/|^$", re.IGNORECASE)
LIGHTNESS = "e => getComputedStyle(e).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
SPEED_HINT = re.compile(r"GPU stall|willReadFrequently")
"""What chromium remarks on the speed of WebGL, with which plotly draws surfaces."""
TAB_STOPS = "[...document.querySelectorAll('.output')].every(e => e.scrollWidth <= e.clientWidth || e.tabIndex === 0)"
"""The theme gives a table that scrolls its tab stop 0.3 seconds after a change of size, and so does the test wait."""
TYPESET = "window.MathJax?.startup?.promise.then(() => null)"


@dataclass
class Visit:
    """A page that stays open while its tests run, and what went wrong while it loaded."""

    page: Page
    root: str
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
    context = browser.new_context(color_scheme=scheme, viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    seen = Visit(page, site if scheme == "light" else SITE.as_uri())
    page.on("console", lambda m: complain(seen, m))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    local = (seen.root, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(local) else seen.external.append(r.url))
    page.on("requestfailed", lambda r: seen.missing.append(r.url))
    page.on("response", lambda r: seen.missing.append(r.url) if r.status >= 400 else None)
    page.goto(f"{seen.root}/{request.param}.html", wait_until="load")
    page.evaluate(TYPESET)
    yield seen
    context.close()


def complain(seen: Visit, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning") and not SPEED_HINT.search(message.text):
        seen.complaints.append(message.text)


def test_nothing_is_complained_of_or_missing(visit: Visit) -> None:
    assert visit.complaints == []
    assert visit.missing == []


def test_no_request_leaves_the_machine(visit: Visit) -> None:
    assert visit.external == []


def test_the_colour_scheme_is_followed(visit: Visit, scheme: str) -> None:
    background = visit.page.locator("body").evaluate(LIGHTNESS)
    assert (sum(background) / 3 > 128) == (scheme == "light")


def test_every_picture_is_described(visit: Visit) -> None:
    described = visit.page.locator("img").evaluate_all("all => all.map(e => (e.getAttribute('alt') ?? '').trim())")
    assert [alt for alt in described if FILE_NAME.search(alt)] == []
    assert [alt for alt, times in Counter(described).items() if times > 1] == []
    drawn = visit.page.locator(".cell_output svg").evaluate_all(
        "all => all.filter(e => !e.closest('mjx-container, .js-plotly-plot')"
        " && e.getAttribute('aria-hidden') !== 'true'"
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
    prose = visit.page.locator("article").evaluate_all(
        "all => all.map(e => { const copy = e.cloneNode(true);"
        " copy.querySelectorAll('pre, code, script, mjx-container').forEach(c => c.remove());"
        " return copy.textContent; }).join('')"
    )
    assert re.findall(r"\$\$|\\frac|\\sum|\\begin\{|\{(?:cite|ref|eq|numref|term|doc)\b", prose) == []


def test_no_cell_shows_an_error_or_a_warning(visit: Visit) -> None:
    assert visit.page.locator(".cell_output .stderr, .cell_output .traceback").all_inner_texts() == []


def test_plotly_is_loaded_by_interactive_pages_and_by_no_other(visit: Visit) -> None:
    wanted = visit.page.locator(".plotly-graph-div").count()
    assert visit.page.locator(".plotly-graph-div:has(.main-svg)").count() == wanted
    assert (visit.page.locator("script[src*=plotly]").count() > 0) == (wanted > 0)


def test_every_internal_link_leads_somewhere(visit: Visit) -> None:
    hrefs = visit.page.locator("a[href]").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    broken = []
    for href in set(hrefs):
        address, anchor = urldefrag(urljoin(visit.page.url, href))
        if not address.startswith(visit.root):
            continue
        path = SITE / unquote(address.removeprefix(visit.root)).lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file() or (anchor and unquote(anchor) not in anchors(path)):
            broken.append(href)
    assert broken == []


@cache
def anchors(path: Path) -> set[str]:
    return set(re.findall(r'\b(?:id|name)="([^"]+)"', path.read_text()))


def test_nothing_is_wider_than_a_phone(visit: Visit, scheme: str) -> None:
    visit.page.set_viewport_size(PHONE)
    visit.page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=PHONE["width"])
    if scheme == "light":
        visit.page.set_viewport_size(WIDE)


def test_nothing_is_cut_on_paper(visit: Visit) -> None:
    size = visit.page.viewport_size
    visit.page.set_viewport_size(PAPER)
    visit.page.emulate_media(media="print")
    cut = visit.page.locator("article :is(p, li, img, pre, table)").evaluate_all(
        "(all, width) => all.map(e => [e, e.getBoundingClientRect()]).filter(([e, box]) => box.width > 2"
        " && (box.left < -1 || box.right > width + 1)).map(([e]) => e.outerHTML.slice(0, 80))",
        PAPER["width"],
    )
    assert cut == []
    visit.page.emulate_media(media="screen")
    visit.page.set_viewport_size(size or WIDE)


def test_axe_finds_no_serious_barrier(visit: Visit) -> None:
    """Last, for it changes the page: formulas are MathJax's care, and one block of code has the colours of all."""
    visit.page.evaluate(
        "() => { document.querySelectorAll('mjx-container').forEach(e => e.replaceWith('formula'));"
        " [...document.querySelectorAll('.highlight pre')].slice(1).forEach(e => { e.textContent = 'code'; }); }"
    )
    visit.page.wait_for_function(TAB_STOPS)
    options = {"preload": False, "resultTypes": ["violations"]}
    found: dict[str, Any] = Axe().run(visit.page, options=options).response
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["target"] for node in v["nodes"][:5]]) for v in serious] == []


def test_the_front_page_leads_to_the_book(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/", wait_until="load")
    page.wait_for_url("**/intro.html")
    assert page.title().startswith("Residual networks as Runge–Kutta methods")
    page.close()
