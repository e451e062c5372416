"""What the README shows is what the code does."""

import re
import subprocess
import sys
from xml.etree import ElementTree

from odestack import claims
from odestack.book import ROOT
from odestack.book.wirings import wirings

README = (ROOT / "README.md").read_text()


def test_the_examples_in_python_run() -> None:
    examples = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_every_make_command_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = re.findall(r"(?:^|`)make ((?:[a-z]+ ?)+)", README, re.MULTILINE)
    assert commands
    assert {target for command in commands for target in command.split()} <= targets


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (command,) = re.findall(r"^make .*", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert f"`{command}`" in README


def test_the_scorecard_and_the_answer_are_those_of_the_records() -> None:
    renewed = claims.in_readme(README, claims.scorecard())
    assert renewed == README, "the README's numbers are out of date; run: odestack scorecard --readme README.md"


def test_its_picture_is_what_the_code_draws() -> None:
    drawn = (ROOT / "book" / "_static" / "wirings.svg").read_text(encoding="utf-8")
    assert drawn == wirings(), "run: python -m odestack.book.wirings book/_static/wirings.svg"
    scales = ElementTree.fromstring(drawn).findall(".//{*}text[@class='scale']")
    assert [scale.text for scale in scales] == ["1/6", "1/2", "1/3", "1/2", "1/3", "1/6"]


def test_links_to_files_of_the_repository_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert any(link.startswith("notebooks/") for link in links)
    assert [link for link in links if not (ROOT / link).exists()] == []
