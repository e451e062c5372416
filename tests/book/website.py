"""Where the built website is, and its pages."""

from http.server import SimpleHTTPRequestHandler

import yaml

from odestack.book import ROOT

SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
CHAPTERS = [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]]
PAGES = [TOC["root"], *CHAPTERS, "search", "genindex", "py-modindex"]
PATIENCE = 120_000
"""Milliseconds that a page may take to load on a busy machine."""


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
