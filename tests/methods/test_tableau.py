"""Tableaux: what is derived, what is refused, and reading from a file."""

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from odestack.methods import catalogue
from odestack.methods.tableau import Tableau, TableauError


def tableau(A: Any, b: Any, b_hat: Any = None, name: str = "mine") -> Tableau:
    return Tableau(name, A, b, b_hat)


def test_everything_else_is_derived() -> None:
    method = tableau([[], ["1/2"], [0, 0.5], [0, 0, 1]], ["1/6", Fraction(1, 3), sympy.Rational(1, 3), "1/6"])
    assert method.stages == 4
    assert method.order == 4
    assert method.embedded_order is None
    assert method.c == (0, sympy.Rational(1, 2), sympy.Rational(1, 2), 1)
    A, b, c = method.floats()
    assert A.shape == (4, 4)
    assert b.shape == c.shape == (4,)
    assert A.dtype == b.dtype == c.dtype == np.float64


def test_full_and_short_rows_are_the_same() -> None:
    short = tableau([[], ["1/2"]], [0, 1])
    full = tableau([[0, 0], ["1/2", 0]], [0, 1])
    assert short == full


def test_a_tableau_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalogue.get("rk4").name = "other"  # type: ignore[misc]


def test_numbers_stay_exact() -> None:
    gill = catalogue.get("gill4")
    assert sum(gill.b) == 1
    assert gill.A[2][0] == (sympy.sqrt(2) - 1) / 2
    assert tableau([[], [0.1]], [0, 1]).A[1][0] == sympy.Rational(1, 10)
    assert tableau([[], [np.float64(0.1)]], [0, 1]).A[1][0] == sympy.Rational(1, 10)
    digits = "0.33333333333333333333"
    assert tableau([[], [digits]], [0, 1]).A[1][0] == sympy.Rational(int(digits[2:]), 10**20)


@pytest.mark.parametrize(
    ("A", "b", "b_hat", "message"),
    [
        ([[], ["1/2", "1/3"]], [0, 1], None, "row 2 of A is not explicit: entries from column 2"),
        ([["1"], ["1/2"]], [0, 1], None, "row 1 of A has 1 entries; give 0"),
        ([[], ["1/2"], [1]], [0, 0, 1], None, "row 3 of A has 1 entries; give 2 .* or 3"),
        ([[], ["1/2"]], [0, 0, 1], None, "A has 2 rows, but b has 3 weights"),
        ([[], ["1/2"]], [0, 1], [1], "b_hat has 1 weights, but there are 2 stages"),
        ([[], ["one half"]], [0, 1], None, "row 2 of A: 'one half' is not an exact real number"),
        ([[], [float("nan")]], [0, 1], None, "row 2 of A: nan is not an exact real number"),
        ([[], ["1e-99999999"]], [0, 1], None, "row 2 of A: '1e-99999999' is not an exact real number"),
        ([[], ["1/0"]], [0, 1], None, "row 2 of A: '1/0' is not"),
        ([[], ["sqrt(-1)"]], [0, 1], None, "row 2 of A: .* is not an exact real number"),
        ([[], [sympy.Symbol("a")]], [0, 1], None, "row 2 of A: a is not an exact real number"),
        ([[], ["__import__('os').getcwd()"]], [0, 1], None, "row 2 of A: .* is not an exact real number"),
        ([[], [True]], [0, 1], None, "row 2 of A: True is not an exact real number"),
        ([[], ["1/2"]], [0, None], None, "b: None is not an exact real number"),
        ([[], "1/2"], [0, 1], None, "row 2 of A is '1/2', not a list"),
        (3, [0, 1], None, "A is 3, not a list of 2 rows"),
        ([[]], 1, None, "b is 1, not a list"),
        ([], [], None, "at least one stage"),
        ([[], ["1/2"]], [0, 0], None, "every weight in b is 0, so the step does nothing"),
        ([[], ["1/2"]], [0, 1], [0, "x"], "b_hat: 'x' is not an exact real number"),
    ],
)
def test_malformed_tableaux_are_refused(A: Any, b: Any, b_hat: Any, message: str) -> None:
    with pytest.raises(TableauError, match=f"^mine: .*{message}|^mine: {message}") as refusal:
        tableau(A, b, b_hat)
    assert isinstance(refusal.value, ValueError)
    assert "\n" not in str(refusal.value)


def test_an_inconsistent_tableau_has_order_zero() -> None:
    assert tableau([[], ["1/2"]], ["1/2", "1/3"]).order == 0


def test_first_same_as_last() -> None:
    assert [name for name in catalogue.names() if catalogue.get(name).fsal] == ["dormand_prince5"]


def test_reduced_drops_what_the_step_does_not_use() -> None:
    method = catalogue.get("dormand_prince5")
    reduced = method.reduced()
    assert (method.stages, reduced.stages, reduced.order) == (7, 6, 5)
    assert method.used_stages == tuple(range(6))
    lonely = tableau([[], [1], [0, 1]], [1, 0, 0])
    assert lonely.used_stages == (0,)
    through_others = tableau([[], [1], [0, 1]], [0, 0, 1])
    assert through_others.used_stages == (0, 1, 2)


def test_latex_is_a_table_with_all_entries() -> None:
    latex = catalogue.get("fehlberg45").latex()
    assert latex.startswith(r"\begin{array}{c|cccccc}")
    assert latex.count(r"\\") == 7
    assert latex.count("&") == 8 * 6
    assert r"\frac{3544}{2565}" in latex


ENTRIES = st.fractions(min_value=-5, max_value=5, max_denominator=12)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_random_tableau_survives_json(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    s = data.draw(st.integers(1, 5))
    rows = [[str(data.draw(ENTRIES)) for _ in range(i)] for i in range(s)]
    b = [str(data.draw(ENTRIES)) for _ in range(s)]
    assume(any(weight != "0" for weight in b))
    path = tmp_path_factory.mktemp("json") / "random.json"
    path.write_text(json.dumps({"A": rows, "b": b, "b_hat": b}))
    method = Tableau.from_json(path)
    assert method == tableau(rows, b, b, name="random")
    assert method.embedded_order == method.order <= s


def test_decimals_in_json_are_read_exactly(tmp_path: Path) -> None:
    path = tmp_path / "decimal.json"
    path.write_text('{"name": "decimal", "A": [[], [0.1]], "b": [0.30, 0.7]}')
    method = Tableau.from_json(path)
    assert method.name == "decimal"
    assert method.A[1][0] == sympy.Rational(1, 10)
    assert sum(method.b) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[1]", 'expected an object with "A" and "b"'),
        ('{"A": [[]]}', 'expected an object with "A" and "b"'),
        ('{"A": [[]], "b": [1], "order": 1}', 'expected an object with "A" and "b"'),
        ('{"A": [[], [2, 3]], "b": [0, 1]}', "file: row 2 of A is not explicit"),
        ('{"A": [[], [NaN]], "b": [0, 1]}', "file: row 2 of A: nan is not an exact real number"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "file.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(TableauError, match=message):
        Tableau.from_json(path)
