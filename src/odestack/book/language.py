"""The language of pages that are not in English, for screen readers and the choice of fonts: a Sphinx extension."""

from typing import Any

LANGUAGES = {"zh": "zh-Hans"}
"""By page, as in BCP 47."""


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("html-page-context", lambda app, page, template, context, tree: name(page, context))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def name(page: str, context: dict[str, Any]) -> None:
    """Name the page's language in what its template reads."""
    context["language"] = LANGUAGES.get(page, context.get("language"))
