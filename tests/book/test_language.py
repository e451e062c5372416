"""A page that is not in English says so to the browser, and the summary in Chinese has two pages."""

import re

from playwright.sync_api import Browser

from odestack.book import ROOT, pdf
from odestack.book.language import LANGUAGES, name


def test_only_these_pages_have_another_language() -> None:
    contexts = {page: {"language": "en"} for page in ("zh", "intro")}
    for page, context in contexts.items():
        name(page, context)
    assert contexts == {"zh": {"language": "zh-Hans"}, "intro": {"language": "en"}}
    assert all((ROOT / "notebooks" / "pages" / f"{page}.ipynb").exists() for page in LANGUAGES)


def test_the_built_page_names_it() -> None:
    html = (ROOT / "_build" / "html" / "zh.html").read_text(encoding="utf-8")
    assert '<html lang="zh-Hans"' in html


def test_the_summary_prints_on_two_pages(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/zh.html", wait_until="load")
    page.evaluate("window.MathJax?.startup?.promise")
    sheets = page.pdf(format="A4", margin=pdf.MARGIN)  # type: ignore[arg-type]
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == 2
    page.close()
