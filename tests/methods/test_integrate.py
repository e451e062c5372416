"""Integration: convergence, scipy as oracle, evaluation counts, and every way to fail."""

import itertools
import math

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from odestack.methods import catalogue
from odestack.methods.exact import exact
from odestack.methods.integrate import Solution, Status, adaptive, fixed_step
from odestack.methods.tableau import Tableau

PAIRS = [name for name, method in catalogue.METHODS.items() if method.b_hat is not None]


def bernoulli(t: float, y: np.ndarray) -> np.ndarray:
    """Nonlinear and non-autonomous; y = 1 / (1 + t^2) from y(0) = 1."""
    return -2 * t * y**2


def predator_prey(t: float, y: np.ndarray) -> np.ndarray:
    return np.array([1.5 * y[0] - y[0] * y[1], -3 * y[1] + y[0] * y[1] + 0.1 * math.sin(t)])


class Counter:
    """Counts the evaluations of a right-hand side."""

    def __init__(self, f) -> None:
        self.f, self.calls = f, 0

    def __call__(self, t: float, y: np.ndarray) -> np.ndarray:
        self.calls += 1
        return self.f(t, y)


def measured_order(method: Tableau) -> float:
    """Slope of the largest error over the finest two step sizes whose error is clear of round-off."""
    points = []
    for steps in (8, 12, 16, 24, 32, 48, 64, 96, 128):
        solution = fixed_step(bernoulli, (0, 1.5), 1.0, method, steps)
        error = np.abs(solution.y[:, 0] - 1 / (1 + solution.t**2)).max()
        if error > 1e-12:
            points.append((math.log(steps), math.log(error)))
    (n1, e1), (n2, e2) = points[-2:]
    return (e1 - e2) / (n2 - n1)


@pytest.mark.parametrize("name", catalogue.names())
def test_convergence_slope_is_the_order(name: str) -> None:
    method = catalogue.get(name)
    assert measured_order(method) == pytest.approx(method.order, abs=0.3)


@pytest.mark.parametrize("name", PAIRS)
def test_convergence_slope_of_the_embedded_formula(name: str) -> None:
    method = catalogue.get(name)
    assert method.b_hat is not None
    assert measured_order(Tableau("embedded", method.A, method.b_hat)) == pytest.approx(method.embedded_order, abs=0.3)


@pytest.mark.parametrize("name", catalogue.names())
def test_fixed_steps_count_their_evaluations(name: str) -> None:
    method = catalogue.get(name)
    f = Counter(predator_prey)
    solution = fixed_step(f, (0, 1), [10, 5], method, steps=7)
    assert solution.nfe == f.calls == 7 * len(method.used_stages)
    assert solution.y.shape == (8, 2)
    assert solution.accepted.all()
    np.testing.assert_allclose(solution.step_sizes, 1 / 7)


def test_fixed_steps_agree_with_scipy() -> None:
    expected = solve_ivp(predator_prey, (0, 5), [10, 5], method="DOP853", rtol=1e-13, atol=1e-13)
    found = fixed_step(predator_prey, (0, 5), [10, 5], catalogue.get("cooper_verner8"), steps=400)
    np.testing.assert_allclose(found.y[-1], expected.y[:, -1], rtol=1e-10)


def same_steps(method: Tableau, oracle: str, rtol: float) -> Solution:
    """Our integration, after checking that it makes the very steps scipy makes."""
    found = adaptive(predator_prey, (0, 10), [10, 5], method, rtol=rtol, atol=1e-9)
    expected = solve_ivp(predator_prey, (0, 10), [10, 5], method=oracle, rtol=rtol, atol=1e-9)
    assert found.status == Status.DONE
    assert found.nfe == expected.nfev
    np.testing.assert_allclose(found.t, expected.t, rtol=1e-7)
    np.testing.assert_allclose(found.y, expected.y.T, rtol=1e-6)
    return found


@pytest.mark.parametrize("rtol", [1e-3, 1e-6, 1e-9])
def test_dormand_prince_makes_the_steps_of_scipy(rtol: float) -> None:
    found = same_steps(catalogue.get("dormand_prince5"), "RK45", rtol)
    assert not found.accepted.all()


def test_a_pair_from_outside_the_catalogue_makes_the_steps_of_scipy(tmp_path) -> None:
    file = tmp_path / "bogacki_shampine3.json"
    file.write_text(
        '{"A": [[], ["1/2"], [0, "3/4"], ["2/9", "1/3", "4/9"]], "b": ["2/9", "1/3", "4/9", 0],'
        ' "b_hat": ["7/24", "1/4", "1/3", "1/8"]}'
    )
    method = Tableau.from_json(file)
    assert (method.order, method.embedded_order, method.fsal) == (3, 2, True)
    same_steps(method, "RK23", 1e-5)


def test_over_no_time_nothing_is_done_but_to_look() -> None:
    f = Counter(predator_prey)
    solution = adaptive(f, (1, 1), [10, 5], catalogue.get(PAIRS[0]))
    assert (solution.status, solution.nfe, f.calls) == (Status.DONE, 1, 1)
    assert solution.y.tolist() == [[10, 5]]


@pytest.mark.parametrize("name", PAIRS)
def test_smaller_tolerance_gives_smaller_error(name: str) -> None:
    expected = solve_ivp(predator_prey, (0, 10), [10, 5], method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    method = catalogue.get(name)
    errors = []
    for rtol in (1e-3, 1e-5, 1e-7, 1e-9):
        f = Counter(predator_prey)
        solution = adaptive(f, (0, 10), [10, 5], method, rtol=rtol, atol=rtol)
        assert solution.status == Status.DONE
        assert solution.nfe == f.calls
        errors.append(np.abs(solution.y[-1] - expected).max())
    assert all(finer < coarser / 5 for coarser, finer in itertools.pairwise(errors))
    assert errors[-1] < 1e-6


@pytest.mark.parametrize("name", PAIRS)
def test_history_is_complete(name: str) -> None:
    """Two evaluations to start; one at each new state, for the next step, unless the last stage gave it."""
    method = catalogue.get(name)
    solution = adaptive(predator_prey, (0, 10), [10, 5], method, rtol=1e-4)
    tried, kept = len(solution.step_sizes), solution.accepted.sum()
    assert solution.nfe == 2 + tried * (method.stages - 1) + (0 if method.fsal else kept - 1)
    assert len(solution.step_sizes) == len(solution.accepted)
    np.testing.assert_allclose(np.diff(solution.t), solution.step_sizes[solution.accepted])
    assert solution.t[0] == 0
    assert solution.t[-1] == 10
    assert solution.y.shape == (len(solution.t), 2)


def test_backwards_in_time() -> None:
    method = catalogue.get("dormand_prince5")
    for solution in (
        adaptive(bernoulli, (1, 0), 0.5, method, rtol=1e-9),
        fixed_step(bernoulli, (1, 0), 0.5, method, 100),
    ):
        assert solution.t[-1] == 0
        assert (solution.step_sizes < 0).all()
        np.testing.assert_allclose(solution.y[-1], 1, rtol=1e-8)


def test_an_empty_time_span_is_done_at_once() -> None:
    solution = adaptive(bernoulli, (1, 1), 0.5, catalogue.get("fehlberg45"))
    assert solution.status == Status.DONE
    np.testing.assert_array_equal(solution.y, [[0.5]])


@pytest.mark.parametrize("name", PAIRS)
def test_blow_up_ends_near_the_singularity(name: str) -> None:
    """y = 1 / (1 - t) leaves every bound at t = 1."""
    solution = adaptive(lambda t, y: y**2, (0, 2), 1.0, catalogue.get(name))
    assert solution.status in (Status.STEP_UNDERFLOW, Status.NON_FINITE)
    assert solution.t[-1] == pytest.approx(1, abs=1e-3)
    assert np.isfinite(solution.y).all()


@pytest.mark.parametrize("slope", [math.nan, math.inf])
def test_a_non_finite_right_hand_side_is_a_status(slope: float) -> None:
    solution = adaptive(lambda t, y: y * slope, (0, 2), 1.0, catalogue.get("dormand_prince5"))
    assert solution.status == Status.NON_FINITE
    later = adaptive(lambda t, y: y * (1 if t < 1 else slope), (0, 2), 1.0, catalogue.get("dormand_prince5"))
    assert later.status == Status.NON_FINITE
    assert later.t[-1] == pytest.approx(1, abs=1e-6)


def test_an_infinite_state_is_never_accepted() -> None:
    """Relative to an infinite state every error is zero; y = 1e305 (1 + t) overflows near t = 1797."""
    half = sympy.Rational(1, 2)
    heun_euler = Tableau("heun_euler", ((), (exact(1),)), (half, half), (exact(1), exact(0)))
    solution = adaptive(lambda t, y: np.full(1, 1e305), (0, 1e6), 1e305, heun_euler, rtol=1e-3)
    assert np.isfinite(solution.y).all()
    assert 1000 < solution.t[-1] < 1797
    assert solution.status != Status.DONE


def test_too_many_steps_is_a_status() -> None:
    solution = adaptive(
        lambda t, y: -1e6 * (y - math.cos(t)), (0, 100), 1.0, catalogue.get("dormand_prince5"), max_steps=200
    )
    assert solution.status == Status.MAX_STEPS
    assert len(solution.step_sizes) == 200
    assert 0 < solution.t[-1] < 100


def test_fixed_steps_stop_before_the_first_non_finite_state() -> None:
    solution = fixed_step(lambda t, y: y**2, (0, 20), 1.0, catalogue.get("rk4"), 20)
    assert solution.status == Status.NON_FINITE
    assert np.isfinite(solution.y).all()
    assert len(solution.t) == len(solution.y) < 21
    assert list(solution.accepted) == [True] * (len(solution.y) - 1) + [False]
    assert solution.nfe == 4 * len(solution.step_sizes)


def test_misuse_is_answered_in_one_sentence() -> None:
    rk4, pair = catalogue.get("rk4"), catalogue.get("dormand_prince5")
    with pytest.raises(ValueError, match=r"rk4 has no embedded formula.*fehlberg45, dormand_prince5"):
        adaptive(bernoulli, (0, 1), 1.0, rk4)
    with pytest.raises(ValueError, match="must be positive"):
        adaptive(bernoulli, (0, 1), 1.0, pair, rtol=0)
    with pytest.raises(ValueError, match="at least 1 step"):
        fixed_step(bernoulli, (0, 1), 1.0, rk4, 0)
    with pytest.raises(ValueError, match=r"f returned shape \(1,\), but the state has shape \(2,\)"):
        fixed_step(lambda t, y: y[0], (0, 1), [1.0, 2.0], rk4, 1)
    with pytest.raises(ValueError, match=r"y0 has shape \(1, 2\)"):
        fixed_step(bernoulli, (0, 1), [[1.0, 2.0]], rk4, 1)
