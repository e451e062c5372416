"""The website: from a notebook to a checked page, and what the site makes of all pages together."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""Of the repository."""
