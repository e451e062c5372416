"""The stack explorer shows what the package builds."""

import json
import re

import pytest

from odestack.book import stack_explorer
from odestack.methods import catalogue
from odestack.studies import cost

SCHEMES, DEPTHS = ("euler", "rk4", "dormand_prince5"), (30, 50)


@pytest.fixture(scope="module")
def page() -> str:
    return str(stack_explorer.stack_explorer(SCHEMES, DEPTHS, (16,)).data)


@pytest.fixture(scope="module")
def shows(page: str) -> dict[str, str]:
    data = json.loads(re.findall(r'<script type="application/json">(.*)</script>', page)[0])
    return {key: text for view in data["views"] for key, text in view["shows"].items()}


def test_every_choice_shows_something(shows: dict[str, str]) -> None:
    assert len(shows) == len(SCHEMES) * len(DEPTHS) + len(SCHEMES)
    assert len(set(shows.values())) == len(shows)


def test_costs_are_those_of_the_study(shows: dict[str, str]) -> None:
    for row in cost.table(16, depths=(50,), schemes=("euler", "rk4")).to_dict("records"):
        (text,) = (t for key, t in shows.items() if row["scheme"] in key.lower() and key.endswith("|50"))
        for number in (f"{row['parameters']:,}", f"{row['macs']:,}", f">{row['axpys']}<"):
            assert number in text
        assert f"{row['arithmetic']} = 50" in text


def test_a_depth_that_does_not_divide_is_filled_and_says_so(shows: dict[str, str]) -> None:
    text = shows["RK4 (order 4)|30"]
    assert "2 + 8 × 3 + 2 × 2 = 30" in text
    assert "does not divide" in text
    assert "■■■■ ■■■■ ■■■■ □ □" in text


def test_the_wiring_is_told_in_words() -> None:
    assert stack_explorer.wiring(catalogue.get("midpoint")) == (
        "Block of midpoint: f1 takes the state; f2 takes the state + 1/2 k1; the step adds 1 k2."
    )


def test_every_drawing_is_told_in_words_of_its_own(shows: dict[str, str]) -> None:
    told = [alt for text in shows.values() for alt in re.findall(r'<img [^>]*alt="([^"]*)"', text)]
    assert len(set(told)) == len(SCHEMES)
    assert all(alt.startswith("Block of ") and len(alt) > 40 for alt in told)


def test_unused_stages_are_not_shown(shows: dict[str, str]) -> None:
    assert "f<sub>6</sub>" in shows["Dormand–Prince 5(4)"]
    assert "f<sub>7</sub>" not in shows["Dormand–Prince 5(4)"]


def test_without_scripts_the_first_choice_is_there(page: str) -> None:
    visible = page.partition('<script type="application/json">')[0]
    assert "2 + 8 × 6 = 50" in visible
    assert 'alt="Block of rk4' in visible
