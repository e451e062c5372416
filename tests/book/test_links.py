"""What the link check asks, and that it finds what is broken."""

import subprocess
import sys
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from website import QuietHandler

from odestack.book import links


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("https://doi.org/10.1109/CVPR.2016.90", "https://doi.org/api/handles/10.1109/CVPR.2016.90"),
        ("https://arxiv.org/abs/2103.15244", "https://arxiv.org/abs/2103.15244"),
    ],
)
def test_a_doi_is_looked_up_where_it_is_registered(link: str, asked: str) -> None:
    assert links.registered(link) == asked


def test_the_link_check_names_broken_links_and_anchors(tmp_path: Path) -> None:
    (tmp_path / "there.html").write_text('<h1 id="place">There</h1>')
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(tmp_path))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        linked = (f"{url}/there.html#place", f"{url}/gone.html", f"{url}/there.html#nowhere")
        book = tmp_path / "book"
        book.mkdir()
        (book / "index.md").write_text("# Title\n\n" + " ".join(f"[to]({link})" for link in linked))
        (book / "conf.py").write_text("extensions = ['myst_parser', 'odestack.book.links']\n")
        command = [sys.executable, "-m", "sphinx", "-b", "linkcheck", str(book), str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True)
        server.shutdown()
    broken = (tmp_path / "out" / "output.txt").read_text()
    assert done.returncode != 0
    assert [link in broken for link in linked] == [False, True, True]
