"""The one page of the whole book is printed with what its figures need, and its links stay within it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from odestack.book import pdf

PAGE = """<!doctype html><title>Book</title>
<script src="../_static/plotly.min.js"></script>
<p id="state">no script</p><script>document.getElementById("state").textContent = typeof Plotly;</script>
<details class="sd-dropdown"><summary>Folded</summary><p style="break-before: page">Unfolded</p></details>
<a href="chapters/02_error_theory.html#state">to a figure</a>
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "_static").mkdir()
    (tmp_path / "intro.html").write_text(PAGE)
    return tmp_path


def test_scripts_and_links_are_found_from_the_one_page(site: Path) -> None:
    text = pdf.one_page(site).read_text()
    assert {"plotly.min.js", "interactive.js", "results.js"} == {path.name for path in (site / "_static").iterdir()}
    assert 'src="_static/plotly.min.js"' in text
    assert 'href="#state"' in text


def test_what_is_folded_is_printed(site: Path, chromium: str) -> None:
    out = site / "book.pdf"
    command = [sys.executable, "-m", "odestack.book.pdf", str(site), str(out)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"CHROMIUM": chromium})
    assert len(re.findall(rb"/Type\s*/Page\b", out.read_bytes())) == 2
