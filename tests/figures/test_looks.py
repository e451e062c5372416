"""The labels of methods in figures agree with the methods."""

import re

import pytest

from odestack.figures import LOOKS
from odestack.methods import catalogue
from odestack.nets.solvers import ADAPTIVE

TYPED = {name: re.search(r"\(order (\d+)\)|\b(\d)\(\d\)", look.label) for name, look in LOOKS.items()}


@pytest.mark.parametrize("name", catalogue.names())
def test_a_label_has_the_order_of_its_method(name: str) -> None:
    found = TYPED[name]
    assert found is not None
    assert int(found[1] or found[2]) == catalogue.get(name).order


@pytest.mark.parametrize(("name", "order"), ADAPTIVE.items())
def test_so_has_that_of_an_adaptive_solver(name: str, order: int) -> None:
    found = TYPED[name]
    assert found is not None
    assert int(found[1]) == order
