"""Stability functions, intervals, regions and order stars."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from odestack.methods import catalogue, stability
from odestack.methods.integrate import fixed_step
from odestack.methods.tableau import Tableau

REAL = {"euler": 2, "midpoint": 2, "heun2": 2, "rk4": 2.7852935634, "heun3": 2.5127453266}
IMAGINARY = {
    "euler": 0,
    "midpoint": 0,
    "ralston2": 0,
    "heun3": math.sqrt(3),
    "kutta3": math.sqrt(3),
    "rk4": 2 * math.sqrt(2),
    "gill4": 2 * math.sqrt(2),
    "three_eighths": 2 * math.sqrt(2),
}


@pytest.mark.parametrize(("name", "x"), REAL.items())
def test_real_intervals(name: str, x: float) -> None:
    assert stability.real_interval(catalogue.get(name)) == pytest.approx(x, abs=1e-9)


@pytest.mark.parametrize(("name", "y"), IMAGINARY.items())
def test_imaginary_intervals(name: str, y: float) -> None:
    assert stability.imaginary_interval(catalogue.get(name)) == pytest.approx(y, abs=1e-12)


@pytest.mark.parametrize("name", catalogue.names())
@pytest.mark.parametrize("direction", [-1, 1j])
def test_intervals_end_where_the_method_becomes_unstable(name: str, direction: complex) -> None:
    method = catalogue.get(name)
    end = stability.real_interval(method) if direction == -1 else stability.imaginary_interval(method)
    inside = stability.region(method, direction * end * np.linspace(0, 1, 1001))
    assert inside.max() <= 1 + 1e-12
    just_outside = end + (0.05 if end == 0 else 1e-3)
    assert stability.region(method, np.array([direction * just_outside])) > 1


def test_a_touch_of_one_does_not_end_the_interval() -> None:
    """R(z) = T_2(1 + z/4) of the Chebyshev method touches -1 at z = -4 and is stable down to -2 s^2 = -8."""
    chebyshev = Tableau("chebyshev2", ((), (sympy.Rational(1, 8),)), (sympy.Integer(0), sympy.Integer(1)))
    assert stability.real_interval(chebyshev) == pytest.approx(8)


def test_a_method_that_does_nothing_is_stable_everywhere() -> None:
    idle = Tableau("idle", ((), (sympy.Integer(0),)), (sympy.Integer(1), sympy.Integer(-1)))
    assert stability.real_interval(idle) == math.inf


@pytest.mark.parametrize("name", catalogue.names())
def test_stability_function_is_the_exponential_to_order_p(name: str) -> None:
    method = catalogue.get(name)
    coefficients = stability.stability_function(method)
    assert len(coefficients) == method.stages + 1
    p = method.order
    assert list(coefficients[: p + 1]) == [sympy.Rational(1, math.factorial(k)) for k in range(p + 1)]


@pytest.mark.parametrize("name", ["euler", "heun3", "rk4", "dormand_prince5"])
def test_order_star_has_p_plus_one_sectors(name: str) -> None:
    """On a small circle, abs(R exp(-z)) - 1 changes sign 2 (p + 1) times."""
    method = catalogue.get(name)
    circle = 0.05 * np.exp(2j * np.pi * (np.arange(720) + 0.5) / 720)
    sign = np.sign(stability.order_star(method, circle) - 1)
    assert np.count_nonzero(sign != np.roll(sign, 1)) == 2 * (method.order + 1)


def test_region_on_a_grid() -> None:
    z = stability.complex_grid((-4, 2), (-3, 3), n=61)
    assert z.shape == (61, 61)
    assert z[0, 0] == -4 - 3j
    assert z[0, -1] == 2 - 3j
    inside = stability.region(catalogue.get("euler"), z) <= 1
    np.testing.assert_array_equal(inside, np.abs(z + 1) <= 1)


COEFFICIENTS = st.fractions(min_value=-2, max_value=2, max_denominator=8)


@st.composite
def tableaux(draw: st.DrawFn) -> Tableau:
    s = draw(st.integers(1, 5))
    rows = [[sympy.Rational(str(draw(COEFFICIENTS))) for _ in range(i)] for i in range(s)]
    b = [sympy.Rational(str(x)) for x in draw(st.lists(COEFFICIENTS, min_size=s, max_size=s).filter(any))]
    return Tableau("random", tuple(map(tuple, rows)), tuple(b))


@settings(max_examples=60, deadline=None)
@given(tableaux(), st.floats(-3, 3), st.floats(-3, 3))
def test_one_step_on_the_linear_problem_multiplies_by_R(method: Tableau, x: float, y: float) -> None:
    """y' = z y with complex z, as a real system of two equations."""
    z = complex(x, y)
    rotation = np.array([[x, -y], [y, x]])
    step = fixed_step(lambda t, u: rotation @ u, (0, 1), [1.0, 0.0], method, steps=1).y[-1]
    R = complex(stability.amplification(method, np.array(z)))
    scale = sum(abs(float(c)) * abs(z) ** k for k, c in enumerate(stability.stability_function(method)))
    assert complex(*step) == pytest.approx(R, abs=1e-9 * (1 + scale) * 100)


@settings(max_examples=40, deadline=None)
@given(tableaux())
def test_random_intervals_are_where_stability_is_lost(method: Tableau) -> None:
    for end, direction in (
        (stability.real_interval(method), -1),
        (stability.imaginary_interval(method), 1j),
    ):
        if math.isfinite(end):
            inside = stability.region(method, direction * end * np.linspace(0, 1, 201))
            assert inside.max() <= 1 + 1e-6
        else:
            assert stability.region(method, np.array([direction * 1e3])) <= 1 + 1e-9
