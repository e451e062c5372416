"""Where the built website is, and its pages."""

import yaml

from odestack.book import ROOT

SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
PAGES = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]), "search"]
PATIENCE = 120_000
"""Milliseconds that a page may take to load on a busy machine."""
