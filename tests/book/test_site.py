"""What the site promises: light pages, no server needed, a known content policy, and downloads that are there."""

import re
from functools import partial
from http.server import ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

import pandas as pd
import pytest
from playwright.sync_api import Browser
from website import PAGES, PATIENCE, SITE, QuietHandler

HEAVIEST = 3_000_000
"""Bytes of a page with its pictures."""
INTERACTIVE = "chapters/03_a_zoo_of_methods"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_its_pictures_is_light(page: str) -> None:
    path = SITE / f"{page}.html"
    pictures = set(re.findall(r'<img [^>]*src="([^":]+)"', path.read_text()))
    sizes = [path.stat().st_size, *((path.parent / unquote(picture)).stat().st_size for picture in pictures)]
    assert sum(sizes) <= HEAVIEST


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_a_notebook_offers_it_with_its_commands(page: str) -> None:
    """As they are to be typed: typography makes a dash of the two hyphens of an option outside of code."""
    text = (SITE / f"{page}.html").read_text()
    shown = re.sub("<[^>]+>", "", text)
    if (SITE / "_sources" / f"{page}.ipynb").is_file():
        assert f'_sources/{page}.ipynb" download' in text
        assert f"make book/{page}.ipynb" in shown
        _, _, foot = shown.partition("This page: notebook, data, commands")
        assert foot.count("odestack sweep ") == foot.count(" --profile cpu")


def test_the_tables_can_be_read_and_every_column_is_in_the_dictionary() -> None:
    words = pd.read_csv(SITE / "data" / "dictionary.csv")
    for table in ("runs", "epochs"):
        columns = pd.read_csv(SITE / "data" / f"{table}.csv").columns
        assert list(columns) == list(words.loc[words["table"] == table, "column"])


def test_the_numbers_behind_a_figure_can_be_read() -> None:
    tables = sorted((SITE / "data" / "figures").rglob("*.csv"))
    assert tables
    for path in tables:
        assert {"panel", "kind", "x", "y"} <= set(pd.read_csv(path).columns), path


def test_the_book_works_without_a_server_and_can_be_searched(browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((SITE / "results_explorer.html").as_uri(), wait_until="load")
    page.wait_for_selector(".plotly-graph-div .main-svg", state="attached")
    assert errors == []
    page.goto((SITE / "search.html").as_uri() + "?q=stability", wait_until="load")
    page.wait_for_selector("#search-results li a")
    page.goto((SITE / "chapters" / "02_error_theory.html").as_uri(), wait_until="load")
    page.keyboard.press("Control+k")
    page.keyboard.type("stability")
    page.wait_for_selector('#search-results li a[href^="../"]')
    assert errors == []
    page.close()


def test_typing_a_search_loads_no_pages(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{site}/chapters/02_error_theory.html", wait_until="load")
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.keyboard.press("Control+k")
    page.keyboard.type("order")
    page.wait_for_selector("#search-results li a")
    page.wait_for_timeout(1000)
    assert [url for url in loaded if ".html" in url] == []
    page.close()


def test_links_to_a_study_choose_its_runs_and_an_empty_choice_says_what_to_do(browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((SITE / "results_explorer.html").as_uri() + "?study=hundred_steps", wait_until="load")
    rows = page.locator("tbody tr:visible").evaluate_all("all => all.map(e => e.dataset.study.split(' '))")
    assert rows
    assert all("hundred_steps" in studies for studies in rows)
    page.goto((SITE / "results_explorer.html").as_uri() + "?study=anchor", wait_until="load")
    assert page.locator(".shown").inner_text().startswith("Study anchor has no record yet. ")
    page.select_option("select[name=study]", "hundred_steps")
    page.select_option("select[name=depth]", "4")
    assert "set study, method or depth to all" in page.locator(".shown").inner_text()
    page.select_option("select[name=depth]", "all")
    page.select_option("select[name=study]", "all")
    assert "more than kinds of line" in page.locator(".shown").inner_text()
    page.close()


@pytest.mark.parametrize(
    ("words", "found"), [("tableau", "glossary"), ("Heun", "chapters/03_a_zoo_of_methods"), ("稳定", "zh")]
)
def test_the_search_finds_a_term_also_in_chinese(browser: Browser, words: str, found: str) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto((SITE / "search.html").as_uri() + f"?q={words}", wait_until="load")
    page.wait_for_selector(f'#search-results li a[href*="{found}.html"]', state="attached")
    page.close()


def policy() -> str:
    """The content security policy that the page on reproduction states."""
    stated = re.search(r"Content-Security-Policy:(.*?)</pre>", (SITE / "reproduce.html").read_text(), re.DOTALL)
    assert stated
    return " ".join(re.sub(r"<[^>]+>", "", stated[1]).replace("&#39;", "'").split())


class StrictHandler(QuietHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", policy())
        super().end_headers()


@pytest.mark.parametrize("name", ["intro", INTERACTIVE, "results_explorer"])
def test_the_stated_content_policy_is_enough(browser: Browser, name: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(StrictHandler, directory=str(SITE))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
        page.goto(f"http://127.0.0.1:{server.server_port}/{name}.html", wait_until="networkidle")
        page.evaluate("window.MathJax?.startup?.promise")
        assert refused == []
        page.close()
        server.shutdown()
