"""Nesting: written-out tableaux, their stability functions, and the order that they do not gain."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from odestack.methods import catalogue
from odestack.methods.nesting import nested, repeated
from odestack.methods.stability import stability_function
from odestack.methods.tableau import Tableau

SMALL = ("euler", "midpoint", "heun2", "heun3", "kutta3", "rk4", "gill4")
Z = sympy.Symbol("z")
methods = st.sampled_from(SMALL).map(catalogue.get)


def R(tableau: Tableau) -> sympy.Expr:
    return sympy.Add(*(c * Z**k for k, c in enumerate(stability_function(tableau))))


def step(tableau: Tableau, f, x: float, h: float) -> float:
    """One step, stage by stage; f takes the number of the stage and the state."""
    A, b, _ = tableau.floats()
    k: list[float] = []
    for i in range(tableau.stages):
        k.append(f(i, x + h * sum(A[i, j] * k[j] for j in range(i))))
    return x + h * float(b @ k)


@settings(max_examples=40, deadline=None)
@given(methods, methods, st.floats(-2, 2), st.floats(0.1, 1.5))
def test_a_nested_step_is_a_step_over_increments(outer: Tableau, inner: Tableau, x: float, h: float) -> None:
    """A different f in every stage, as in a network."""

    def f(i: int, y: float) -> float:
        return float(np.sin(y + i))

    def increment(i: int, y: float) -> float:
        return step(inner, lambda j, z: f(i * inner.stages + j, z), y, h) - y

    assert step(nested(outer, inner), f, x, h) == pytest.approx(step(outer, increment, x, 1.0), abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(methods, st.integers(1, 4), st.floats(-2, 2))
def test_repeated_is_one_step_after_the_other(method: Tableau, n: int, x: float) -> None:
    y = x
    for m in range(n):
        y = step(method, lambda i, z, m=m: float(np.cos(z + m * method.stages + i)), y, 1.0)
    assert step(repeated(method, n), lambda i, z: float(np.cos(z + i)), x, 1.0) == pytest.approx(y, abs=1e-9)


@pytest.mark.parametrize("inner", ["midpoint", "heun3", "rk4"])
@pytest.mark.parametrize("outer", ["midpoint", "heun3", "rk4"])
def test_nesting_gives_order_1_and_composes_stability_functions(outer: str, inner: str) -> None:
    both = nested(catalogue.get(outer), catalogue.get(inner))
    assert both.order == 1
    composed = R(catalogue.get(outer)).subs(Z, R(catalogue.get(inner)) - 1)
    assert sympy.expand(R(both) - composed) == 0


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(catalogue.names()), st.sampled_from(catalogue.names()))
def test_no_pair_of_higher_order_methods_keeps_more_than_order_1(outer: str, inner: str) -> None:
    """The second order condition, b c = 1/2: nested it is b c + b' c' = 1, whatever the stages."""
    first, second = catalogue.get(outer), catalogue.get(inner)
    if first.stages * second.stages > 36:
        return
    both = nested(first, second)
    both_bc, first_bc, second_bc = (
        sympy.Add(*(w * c for w, c in zip(each.b, each.c, strict=True))) for each in (both, first, second)
    )
    assert sympy.simplify(both_bc - first_bc - second_bc) == 0
    assert sympy.simplify(sympy.Add(*both.b) - 1) == 0


@pytest.mark.parametrize("name", ["midpoint", "heun3", "rk4", "gill4", "dormand_prince5"])
def test_eulers_method_changes_nothing(name: str) -> None:
    method, euler = catalogue.get(name), catalogue.get("euler")
    for both in (nested(method, euler), nested(euler, method), repeated(method, 1)):
        assert (both.A, both.b) == (method.A, method.b)


def test_by_hand() -> None:
    """Midpoint of midpoint, worked out on paper."""
    both = nested(catalogue.get("midpoint"), catalogue.get("midpoint"))
    half = sympy.Rational(1, 2)
    assert both.name == "midpoint-of-midpoint"
    assert list(both.A) == [(0, 0, 0, 0), (half, 0, 0, 0), (0, half, 0, 0), (0, half, half, 0)]
    assert both.b == (0, 0, 0, 1)
    assert len(both.used_stages) == 4


def test_repeated_raises_the_stability_function_to_a_power() -> None:
    method = repeated(catalogue.get("rk4"), 3, name="three")
    assert method.name == "three"
    assert sympy.expand(R(method) - R(catalogue.get("rk4")) ** 3) == 0
    assert sum(method.b) == 3


def test_a_stack_as_a_branch() -> None:
    """Midpoint whose branch is a stack of two Euler steps: R = 1 + w + w²/2 at w = (1 + z)² - 1."""
    both = nested(catalogue.get("midpoint"), repeated(catalogue.get("euler"), 2))
    w = (1 + Z) ** 2 - 1
    assert sympy.expand(R(both) - (1 + w + w**2 / 2)) == 0


def test_repeating_less_than_once_is_refused() -> None:
    with pytest.raises(ValueError, match="n is 0, but a method is repeated at least once"):
        repeated(catalogue.get("euler"), 0)
