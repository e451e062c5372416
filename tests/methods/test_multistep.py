"""Linear multistep methods: coefficients, order, root condition, boundary locus."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from odestack.methods import multistep
from odestack.methods.exact import exact
from odestack.methods.integrate import fixed_step
from odestack.methods.multistep import MultistepError, MultistepMethod, adams_bashforth, bdf, lm_resnet
from odestack.methods.tableau import Tableau


def fractions(text: str) -> tuple[sympy.Expr, ...]:
    return tuple(exact(x) for x in text.split())


@pytest.mark.parametrize(
    ("k", "beta"),
    [(1, "1 0"), (2, "-1/2 3/2 0"), (3, "5/12 -16/12 23/12 0"), (4, "-9/24 37/24 -59/24 55/24 0")],
)
def test_adams_bashforth_of_the_textbook(k: int, beta: str) -> None:
    """Hairer, Nørsett & Wanner, III.1."""
    assert adams_bashforth(k).beta == fractions(beta)


@pytest.mark.parametrize(
    ("k", "alpha", "beta"),
    [(1, "-1 1", "1"), (2, "1/3 -4/3 1", "2/3"), (3, "-2/11 9/11 -18/11 1", "6/11")],
)
def test_bdf_of_the_textbook(k: int, alpha: str, beta: str) -> None:
    """Hairer, Nørsett & Wanner, III.1."""
    assert bdf(k).alpha == fractions(alpha)
    assert bdf(k).beta == (*[0] * k, sympy.Rational(beta))


@pytest.mark.parametrize("k", range(1, 7))
def test_orders_and_error_constants(k: int) -> None:
    """Error constants gamma_k and -1/(k + 1) (Hairer, Nørsett & Wanner, III.2)."""
    gamma = fractions("1/2 5/12 3/8 251/720 95/288 19087/60480")
    assert (adams_bashforth(k).order, adams_bashforth(k).error_constant) == (k, gamma[k - 1])
    assert (bdf(k).order, bdf(k).error_constant) == (k, -sympy.Rational(1, k + 1))
    assert adams_bashforth(k).explicit
    assert not bdf(k).explicit


def test_bdf_is_zero_stable_up_to_six_steps() -> None:
    assert [bdf(k).zero_stable for k in range(1, 9)] == [True] * 6 + [False] * 2
    assert all(adams_bashforth(k).zero_stable for k in range(1, 9))


FACTORS = st.sampled_from(  # factors of rho, lowest power first, and the modulus of their roots
    [
        ((0, 1), 0),
        ((-1, 1), 1),
        ((1, 1), 1),
        ((-1, 2), 0.5),
        ((2, 3), 2 / 3),
        ((-3, 2), 1.5),
        ((1, 0, 1), 1),
        ((1, 1, 1), 1),
        ((1, 1, 2), math.sqrt(0.5)),
        ((2, 1, 1), math.sqrt(2)),
        ((5, -6, 5), 1),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(FACTORS, min_size=1, max_size=4))
def test_root_condition_of_known_roots(factors) -> None:
    """From the factors, which are coprime: no modulus above 1, and none of modulus 1 twice."""
    rho = sympy.Poly(1, sympy.Symbol("z"))
    for coefficients, _ in factors:
        rho *= sympy.Poly(coefficients[::-1], sympy.Symbol("z"))
    alpha = tuple(rho.all_coeffs()[::-1])
    method = MultistepMethod("from roots", alpha, (sympy.Integer(1),) * len(alpha))
    on_circle = [coefficients for coefficients, modulus in factors if modulus == 1]
    expected = all(modulus <= 1 for _, modulus in factors) and len(on_circle) == len(set(on_circle))
    assert method.zero_stable == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=2, max_size=6).filter(lambda alpha: alpha[-1] != 0))
def test_root_condition_of_random_polynomials(alpha: list[int]) -> None:
    moduli = np.abs(np.polynomial.Polynomial(alpha).roots())
    method = MultistepMethod("random", tuple(map(sympy.Integer, alpha)), (sympy.Integer(1),) * len(alpha))
    if (np.abs(moduli - 1) > 1e-4).all():
        assert method.zero_stable == (moduli < 1).all()


KS = st.fractions(min_value=-2, max_value=2, max_denominator=20)


@settings(max_examples=60, deadline=None)
@given(KS.filter(lambda k: k != -1))
def test_lm_resnet_is_consistent_when_scaled_by_one_plus_k(k) -> None:
    method = lm_resnet(k)
    assert method.order == (2 if k == 1 else 1)
    assert method.zero_stable == (-1 < k <= 1)
    published = lm_resnet(k, 1)
    assert published.order == (1 if k == 0 else 0)
    assert published.zero_stable == method.zero_stable


def test_lm_resnet_at_minus_one_ignores_f() -> None:
    with pytest.raises(MultistepError, match="ignores f"):
        lm_resnet(-1)


@pytest.mark.parametrize("k", [-0.5, 0.25, 1])
def test_published_lm_resnet_runs_on_slowed_time(k: float) -> None:
    """With weight 1 the recursion converges to x' = f / (1 + k), not to x' = f."""
    times = np.linspace(0, 1, 4001)
    slowed = np.exp(-times[:2] / (1 + k))[:, None]
    x = multistep.solve(lm_resnet(k, 1), lambda t, x: -x, times, list(slowed))
    assert x[-1, 0] == pytest.approx(math.exp(-1 / (1 + k)), abs=1e-3)
    assert abs(x[-1, 0] - math.exp(-1)) > 0.05


@pytest.mark.parametrize(
    "method", [*map(adams_bashforth, range(1, 6)), lm_resnet("-1/2"), lm_resnet("1/2"), lm_resnet(1)]
)
def test_convergence_slope_is_the_order(method: MultistepMethod) -> None:
    """x' = -2 t x^2, nonlinear and non-autonomous, with exact starting states."""
    errors = []
    for steps in (200, 400):
        times = np.linspace(0, 1.5, steps + 1)
        start = list(1 / (1 + times[: method.steps, None] ** 2))
        x = multistep.solve(method, lambda t, x: -2 * t * x**2, times, start)
        errors.append(np.abs(x[:, 0] - 1 / (1 + times**2)).max())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(method.order, abs=0.3)


def test_normalisation_does_not_matter() -> None:
    """Twice the coefficients are the same method."""
    method = adams_bashforth(3)
    double = MultistepMethod("double", tuple(2 * a for a in method.alpha), tuple(2 * b for b in method.beta))
    assert (double.order, double.error_constant) == (method.order, method.error_constant)
    times = np.linspace(0, 1, 11)
    found, expected = (multistep.solve(m, lambda t, x: t - x, times, [1.0, 0.9, 0.8]) for m in (double, method))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_one_step_adams_is_euler() -> None:
    euler = Tableau("euler", ((),), (sympy.Integer(1),))
    expected = fixed_step(lambda t, x: np.sin(t * x), (0, 2), [1.0, 2.0], euler, 20)
    for method in (adams_bashforth(1), lm_resnet(0)):
        start = list(expected.y[: method.steps])
        found = multistep.solve(method, lambda t, x: np.sin(t * x), expected.t, start)
        np.testing.assert_allclose(found, expected.y, rtol=1e-13)


@pytest.mark.parametrize("method", [adams_bashforth(3), bdf(2), bdf(4), lm_resnet("1/3"), lm_resnet(1)])
def test_a_root_lies_on_the_circle_along_the_locus(method: MultistepMethod) -> None:
    theta = np.linspace(0.1, 3, 40)
    z = multistep.boundary_locus(method, theta)
    alpha, beta = method.floats()
    zeta = np.exp(1j * theta)
    polynomial = np.polynomial.polynomial.polyval
    np.testing.assert_allclose(polynomial(zeta, alpha) - z * polynomial(zeta, beta), 0, atol=1e-9)
    assert (multistep.largest_root(method, z) >= 1 - 1e-9).all()


def test_real_stability_intervals() -> None:
    """Adams-Bashforth: (-2, 0), (-1, 0), (-6/11, 0), (-3/10, 0); the locus ends there at theta = pi."""
    for k, end in enumerate((2, 1, 6 / 11, 3 / 10), start=1):
        method = adams_bashforth(k)
        assert multistep.boundary_locus(method, np.array([np.pi]))[0] == pytest.approx(-end)
        inside, outside = multistep.largest_root(method, np.array([-0.99 * end, -1.01 * end]))
        assert inside < 1 < outside


def test_bdf2_is_a_stable_and_leapfrog_only_on_an_interval() -> None:
    left = -np.logspace(-3, 3, 20)[:, None] + 1j * np.linspace(-50, 50, 21)
    assert multistep.largest_root(bdf(2), left).shape == (20, 21)
    assert (multistep.largest_root(bdf(2), left) < 1).all()
    leapfrog = lm_resnet(1)
    np.testing.assert_allclose(multistep.largest_root(leapfrog, 1j * np.linspace(-0.99, 0.99, 9)), 1)
    assert (multistep.largest_root(leapfrog, np.array([-0.01, -1.0, 1.01j])) > 1).all()


def test_the_root_is_not_a_number_where_the_method_cannot_be_solved() -> None:
    assert np.isnan(multistep.largest_root(bdf(1), np.array([1.0]))).all()


def test_latex_shows_the_recursion() -> None:
    assert adams_bashforth(2).latex() == (r"x_{n+2} - x_{n+1} = h \left( \frac{3 f_{n+1}}{2} - \frac{f_{n}}{2} \right)")


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [
        ((1,), (1,), "k \\+ 1 of each"),
        ((-1, 1), (1,), "alpha has 2 coefficients and beta 1"),
        ((-1, 0), (1, 0), "last alpha is 0"),
        ((-1, 1), (0, 0), "every beta is 0"),
        ((-1, "x"), (1, 0), "alpha: 'x' is not an exact real number"),
        (3, (1, 0), "alpha"),
    ],
)
def test_malformed_methods_are_refused(alpha, beta, message: str) -> None:
    with pytest.raises(MultistepError, match=message):
        MultistepMethod("bad", alpha, beta)


def test_misuse_is_answered_in_one_sentence() -> None:
    times = np.linspace(0, 1, 5)
    with pytest.raises(MultistepError, match="at least 1 step, not 0"):
        adams_bashforth(0)
    with pytest.raises(MultistepError, match="at least 1 step, not -1"):
        bdf(-1)
    with pytest.raises(ValueError, match="implicit"):
        multistep.solve(bdf(2), lambda t, x: x, times, [1.0, 1.0])
    with pytest.raises(ValueError, match="2 starting states"):
        multistep.solve(adams_bashforth(2), lambda t, x: x, times, [1.0])
    with pytest.raises(MultistepError, match="no error constant"):
        _ = lm_resnet("1/2", 1).error_constant
