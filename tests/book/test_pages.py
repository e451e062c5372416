"""What a reader's browser meets on every page: in light and in dark, wide, on a phone and on paper.

Each page is opened once, as a file, since what needs no server and names no file works on a server too. The colour
scheme then changes on the open page, as with a reader whose system turns dark in the evening.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize
from website import PAGES, PATIENCE, SITE

ROOT = SITE.as_uri()
WIDE = ViewportSize(width=1280, height=720)
PHONE = ViewportSize(width=360, height=780)
PAPER = ViewportSize(width=673, height=986)  # A4 within the margins of odestack.book.pdf
FILE_NAME = re.compile(r"\.(png|svg|jpe?g|gif|webp)$|^_images/|^$", re.IGNORECASE)
LIGHTNESS = "e => getComputedStyle(e).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
SPEED_HINT = re.compile(r"GPU stall|willReadFrequently")
"""What chromium remarks on the speed of WebGL, with which plotly draws surfaces."""
TAB_STOPS = "[...document.querySelectorAll('.output')].every(e => e.scrollWidth <= e.clientWidth || e.tabIndex === 0)"
"""The theme gives a table that scrolls its tab stop 0.3 seconds after a change of size, and so does the test wait."""
HINTS = (
    "[...document.querySelectorAll('.cell_output figure:has(img)')].every(e => (e.scrollWidth > e.clientWidth)"
    " === getComputedStyle(e.querySelector('figcaption'), '::before').content.includes('↔'))"
)
TYPESET = "window.MathJax?.startup?.promise.then(() => null)"
MARK_LOOKS = """() => {
  const looks = new Map(), seen = new Set();
  const look = e => {
    if (e && !looks.has(e)) {
      const s = getComputedStyle(e);
      const back = [s.backgroundColor, s.backgroundImage, s.opacity, s.position];
      looks.set(e, [look(e.parentElement), e.tagName, s.color, s.fontSize, s.fontWeight, ...back].join());
    }
    return looks.get(e);
  };
  for (const e of document.querySelectorAll('body *')) {
    const text = [...e.childNodes].some(c => c.nodeType === Node.TEXT_NODE && c.data.trim());
    const first = text && e.checkVisibility() && !seen.has(look(e));
    e.toggleAttribute('data-first-of-look', first);
    if (first) seen.add(look(e));
  }
}"""
"""Marks the first text of each look: tags, colours and sizes, its own and of all that it lies in. Contrast depends on
no more, and axe takes milliseconds for each text."""
CONTRAST_OF_LOOKS = "axe.configure({rules: [{id: 'color-contrast', selector: '[data-first-of-look]'}]})"


@dataclass
class Visit:
    """A page that stays open while its tests run, and what went wrong while it loaded."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=PAGES)
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    context = browser.new_context(color_scheme="light", viewport=WIDE)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda m: complain(seen, m))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    local = (ROOT, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(local) else seen.external.append(r.url))
    page.on("requestfailed", lambda r: seen.missing.append(r.url))
    query = "?q=order" if request.param == "search" else ""
    page.goto(f"{ROOT}/{request.param}.html{query}", wait_until="load")
    if query:
        page.wait_for_selector("#search-results li a")
    page.evaluate(TYPESET)
    yield seen
    context.close()


def complain(seen: Visit, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning") and not SPEED_HINT.search(message.text):
        seen.complaints.append(message.text)


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_colour_scheme_is_followed(visit: Visit, scheme: Literal["light", "dark"]) -> None:
    turn(visit.page, scheme)


def turn(page: Page, scheme: Literal["light", "dark"]) -> None:
    """The reader's system turns light or dark, and the page after it."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(
        f"light => ({LIGHTNESS})(document.body).every(c => (c > 128) === light)", arg=scheme == "light"
    )


def test_every_picture_is_described(visit: Visit) -> None:
    described = visit.page.locator("img").evaluate_all("all => all.map(e => (e.getAttribute('alt') ?? '').trim())")
    assert [alt for alt in described if FILE_NAME.search(alt)] == []
    words = visit.page.locator("article img:not(.toggler)").evaluate_all("all => all.map(e => e.alt)")
    assert [alt for alt in words if len(alt) < 40 or " " not in alt] == []
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
    assert re.findall(r"\$\$|\\emph|\\text|\\frac|\\sum|\\begin\{|\{(?:cite|ref|eq|numref|term|doc)\b", prose) == []


def test_no_cell_shows_an_error_or_a_warning(visit: Visit) -> None:
    assert visit.page.locator(".cell_output .stderr, .cell_output .traceback").all_inner_texts() == []


def test_plotly_is_loaded_by_interactive_pages_and_by_no_other(visit: Visit) -> None:
    wanted = visit.page.locator(".plotly-graph-div").count()
    assert visit.page.locator(".plotly-graph-div:has(.main-svg)").count() == wanted
    assert (visit.page.locator("script[src*=plotly]").count() > 0) == (wanted > 0)
    ours = visit.page.locator("script[src*='interactive.js'], script[src*='results.js']").count()
    assert ours == visit.page.locator(".interactive").count()


def test_every_internal_link_leads_somewhere(visit: Visit) -> None:
    hrefs = visit.page.locator("a[href]").evaluate_all("all => all.map(e => e.getAttribute('href'))")
    broken = []
    for href in set(hrefs):
        address, anchor = urldefrag(urljoin(visit.page.url, href))
        if not address.startswith(ROOT):
            continue
        path = SITE / unquote(address.removeprefix(ROOT).partition("?")[0]).lstrip("/")
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file() or (anchor and unquote(anchor) not in anchors(path)):
            broken.append(href)
    assert broken == []


def test_no_address_is_of_this_machine(visit: Visit) -> None:
    addresses = visit.page.locator("[href], [src]").evaluate_all(
        "all => all.flatMap(e => [e.getAttribute('href'), e.getAttribute('src')])"
    )
    assert [address for address in addresses if address and address.startswith(("file:", "/"))] == []


@cache
def anchors(path: Path) -> set[str]:
    return set(re.findall(r'\b(?:id|name)="([^"]+)"', path.read_text()))


def test_nothing_is_wider_than_a_phone_and_pictures_that_scroll_say_so(visit: Visit) -> None:
    visit.page.set_viewport_size(PHONE)
    visit.page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=PHONE["width"])
    visit.page.wait_for_function(HINTS)
    visit.page.set_viewport_size(WIDE)


def test_nothing_is_cut_on_paper(visit: Visit) -> None:
    visit.page.set_viewport_size(PAPER)
    visit.page.emulate_media(media="print")
    cut = visit.page.locator("article :is(p, li, img, pre, table)").evaluate_all(
        "(all, width) => all.map(e => [e, e.getBoundingClientRect()]).filter(([e, box]) => box.width > 2"
        " && (box.left < -1 || box.right > width + 1)).map(([e]) => e.outerHTML.slice(0, 80))",
        PAPER["width"],
    )
    assert cut == []
    visit.page.emulate_media(media="screen")
    visit.page.set_viewport_size(WIDE)


def test_nothing_is_complained_of_or_missing(visit: Visit) -> None:
    assert visit.complaints == []
    assert visit.missing == []


def test_no_request_leaves_the_machine(visit: Visit) -> None:
    assert visit.external == []


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)], ids=["light", "dark"])
def test_axe_finds_no_serious_barrier(visit: Visit, scheme: Literal["light", "dark"], size: ViewportSize) -> None:
    """Last, for it changes the page: formulas are MathJax's care, and one block of code has the colours of all."""
    turn(visit.page, scheme)
    visit.page.set_viewport_size(size)
    visit.page.evaluate(
        "() => { document.querySelectorAll('mjx-container').forEach(e => e.replaceWith('formula'));"
        " [...document.querySelectorAll('.highlight pre')].slice(1).forEach(e => { e.textContent = 'code'; }); }"
    )
    visit.page.wait_for_function(TAB_STOPS)
    visit.page.evaluate("document.getAnimations().forEach(each => each.finish())")
    visit.page.evaluate(MARK_LOOKS)
    visit.page.evaluate(f"{Axe().axe_script}; {CONTRAST_OF_LOOKS}")
    options = {"preload": False, "resultTypes": ["violations"]}
    found = visit.page.evaluate("options => axe.run(document, options)", options)
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["target"] for node in v["nodes"][:5]]) for v in serious] == []


def test_a_page_opens_in_the_colours_of_the_system(browser: Browser, site: str) -> None:
    for scheme in ("dark", "light"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(f"{site}/intro.html", wait_until="load")
        assert (sum(page.locator("body").evaluate(LIGHTNESS)) / 3 > 128) == (scheme == "light")
        page.close()


def test_question_answer_and_doors_are_on_the_first_screen(browser: Browser, site: str) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{site}/intro.html", wait_until="load")
    for text in ("what do you gain by wiring", "The answer so far"):
        assert page.get_by_text(text).first.is_visible()
    doors = page.locator(".sd-row .sd-card").evaluate_all("all => all.map(e => e.getBoundingClientRect().bottom)")
    assert len(doors) == 3
    assert max(doors) <= WIDE["height"]
    page.close()


def test_the_front_page_leads_to_the_book(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/", wait_until="load")
    page.wait_for_url("**/intro.html")
    assert page.title().startswith("Residual networks as Runge–Kutta methods")
    page.close()
