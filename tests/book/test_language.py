"""A page that is not in English says so to the browser."""

from odestack.book import ROOT
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
