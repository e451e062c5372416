"""Interactive figures answer the keyboard, and show something without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page
from website import PAGES, PATIENCE, SITE

FIGURE = 'class="interactive'
INTERACTIVE = [
    page for page in PAGES if (SITE / f"{page}.html").is_file() and FIGURE in (SITE / f"{page}.html").read_text()
]
STATE = """figure => JSON.stringify([
  ...[...figure.querySelectorAll('.view, .shown')].map(e => e.innerHTML),
  ...[...figure.querySelectorAll('tbody tr')].map(e => e.hidden),
  ...[...figure.querySelectorAll('.plotly-graph-div')].map(e => [e.data, e.layout]),
])"""


@pytest.fixture(scope="module", params=INTERACTIVE)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{SITE.as_uri()}/{request.param}.html", wait_until="load", timeout=PATIENCE)
    yield page
    page.close()


def figures(page: Page) -> list[Locator]:
    return page.locator(".interactive").all()


def test_each_subject_to_play_with_is_there() -> None:
    chapters = ("02_error_theory", "03_a_zoo_of_methods", "04_stacking", "14_loss_surfaces")
    assert [page.removeprefix("chapters/") for page in INTERACTIVE] == [*chapters, "results_explorer"]


def test_every_control_has_a_name_and_changes_the_figure_by_keyboard(page: Page) -> None:
    for figure in figures(page):
        for control in figure.locator(".controls :is(select, input)").all():
            name = control.get_attribute("aria-label")
            assert name
            at, last = control.evaluate("e => e.options ? [e.selectedIndex, e.options.length - 1] : [+e.value, +e.max]")
            if last == 0:
                continue
            before = figure.evaluate(STATE)
            control.focus()
            page.keyboard.press("Home" if at == last else "End")
            assert figure.evaluate(STATE) != before, f"{page.url}: {name} changes nothing"


def test_every_figure_says_what_it_shows(page: Page) -> None:
    told = [figure.get_attribute("aria-label") or "" for figure in figures(page)]
    assert [text for text in told if len(text) < 80] == []
    assert len(set(told)) == len(told)


def test_nothing_offers_to_send_a_figure_elsewhere(page: Page) -> None:
    titles = page.locator(".modebar-btn").evaluate_all("all => all.map(e => e.dataset.title)")
    assert [title for title in titles if re.search("cloud|share|upload|edit", title, re.IGNORECASE)] == []
    assert page.locator(".js-plotly-plot").count() == 0 or titles


def test_a_slider_tells_its_value(page: Page) -> None:
    for slider in page.locator(".interactive input[type=range]").all():
        slider.focus()
        page.keyboard.press("Home")
        first = slider.get_attribute("aria-valuetext")
        page.keyboard.press("End")
        assert slider.get_attribute("aria-valuetext") != first
        assert slider.locator("xpath=following-sibling::output").inner_text() == slider.get_attribute("aria-valuetext")


@pytest.mark.parametrize("name", INTERACTIVE)
def test_without_scripts_there_is_a_table_and_no_idle_control(browser: Browser, name: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{SITE.as_uri()}/{name}.html", timeout=PATIENCE)
    assert page.locator(".interactive .controls >> visible=true").count() == 0
    assert page.locator("table >> visible=true").count() > 0
    for figure in page.locator(".interactive").all():
        assert len(figure.inner_text()) > 100, "words instead of the graph"
        assert figure.locator("div:has(> .plotly-graph-div) >> visible=true").count() == 0, "no hole in its place"
    page.close()
