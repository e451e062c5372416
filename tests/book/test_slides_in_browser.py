"""The slides in a browser: nothing fails to load, nothing bars a reader, they fit a phone, and print one a sheet."""

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser


def test_the_slides_load_fit_and_print(browser: Browser, site: str, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 700})
    trouble: list[str] = []
    page.on("console", lambda m: trouble.append(m.text) if m.type in ("error", "warning") else None)
    page.on("response", lambda r: trouble.append(r.url) if r.status >= 400 else None)
    page.on("request", lambda r: None if r.url.startswith((site, "data:", "blob:")) else trouble.append(r.url))
    page.goto(f"{site}/slides.html", wait_until="networkidle")
    page.evaluate("window.MathJax?.startup?.promise")
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("mjx-merror").count() == 0
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [v["id"] for v in violations if v["impact"] in ("serious", "critical")] == []
    sheets = page.pdf(path=tmp_path / "slides.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == page.locator("section").count()
    page.close()
