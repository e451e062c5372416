"""The catalogue of named methods."""

import pkgutil
import subprocess
import sys
from typing import Any

import pytest

from odestack import methods
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau, TableauError

NAMES = (
    "euler midpoint heun2 ralston2 heun3 kutta3 rk4 three_eighths gill4 kutta_nystrom5 huta6 fehlberg45"
    " dormand_prince5 cooper_verner8"
)


def test_the_methods_of_the_paper_are_there() -> None:
    assert set(NAMES.split()) <= set(catalogue.names())


@pytest.mark.parametrize("name", catalogue.names())
def test_every_entry_is_consistent_and_sourced(name: str) -> None:
    method = catalogue.get(name)
    assert method.name == name
    assert method.order >= 1
    assert sum(method.b) == 1
    assert method.b_hat is None or sum(method.b_hat) == 1
    assert method.source


@pytest.mark.parametrize("weights", [{"b": ["1/2", "1/3"]}, {"b": ["1/2", "1/2"], "b_hat": ["1", "1"]}])
def test_an_inconsistent_method_may_not_enter(weights: dict[str, Any]) -> None:
    A: Any = [[], ["1"]]
    method = Tableau("wrong", A, **weights)
    with pytest.raises(TableauError, match="wrong may not enter the catalogue: weights sum to"):
        catalogue.by_name([catalogue.get("rk4"), method])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("rk5", "rk4"), ("dormandprince", "dormand_prince5"), ("Heun", "heun3"), ("gill", "gill4")],
)
def test_an_unknown_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"no method is called '{typed}'; nearest: .*{meant}"):
        catalogue.get(typed)


def test_a_name_like_no_other_is_answered_with_all() -> None:
    with pytest.raises(ValueError, match=r"euler.*cooper_verner8"):
        catalogue.get("zzzzzz")


def test_the_mathematics_needs_no_torch() -> None:
    modules = ", ".join(module.name for module in pkgutil.iter_modules(methods.__path__))
    code = f"import sys; from odestack.methods import {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
