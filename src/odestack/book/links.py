"""The link check asks for a DOI where it is registered, since publishers refuse robots: a Sphinx extension."""

from typing import Any

RESOLVER = "https://doi.org/"
REGISTER = "https://doi.org/api/handles/"
"""Answers with 404 for what was never registered (DOI Handbook, section on the proxy server's REST API)."""


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("linkcheck-process-uri", lambda app, uri: registered(uri))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def registered(uri: str) -> str:
    """The address to look at instead of a link's own."""
    return REGISTER + uri.removeprefix(RESOLVER) if uri.startswith(RESOLVER) else uri
