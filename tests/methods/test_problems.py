import numpy as np
import pytest
from scipy.integrate import solve_ivp

from odestack.methods import catalogue, integrate, problems

PROBLEMS = [
    problems.logistic(),
    problems.logistic(x0=0.9, end=2.0),
    problems.kepler(0.0),
    problems.kepler(0.5),
    problems.kepler(0.9),
    problems.prothero_robinson(30.0),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_the_exact_solution_agrees_with_scipy(problem):
    start, end = problem.t_span
    t = np.linspace(start, end, 50)
    found = solve_ivp(problem.f, (start, end), problem.x0, "DOP853", t, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(problem.exact(t), found.y.T, atol=1e-8)


def test_a_kepler_orbit_closes_and_keeps_its_energy():
    problem = problems.kepler(0.6)
    x = problem.exact(np.linspace(*problem.t_span, 200))
    np.testing.assert_allclose(x[-1], x[0], atol=1e-12)
    energy = (x[:, 2:] ** 2).sum(axis=1) / 2 - 1 / np.hypot(x[:, 0], x[:, 1])
    np.testing.assert_allclose(energy, -0.5, atol=1e-12)


def test_errors_start_at_zero_and_end_at_the_final_error():
    problem = problems.logistic()
    solution = integrate.fixed_step(problem.f, problem.t_span, problem.x0, catalogue.get("euler"), 20)
    errors = problems.errors(problem, solution)
    assert errors.shape == (21,)
    assert errors[0] == 0
    assert errors[-1] == problems.final_error(problem, solution) > 0


def test_an_integration_that_stops_early_has_an_infinite_final_error():
    problem = problems.prothero_robinson(1e4)
    x0 = problem.x0 + 1
    solution = integrate.fixed_step(problem.f, problem.t_span, x0, catalogue.get("rk4"), 200)
    assert solution.status is integrate.Status.NON_FINITE
    assert problems.final_error(problem, solution) == np.inf


@pytest.mark.parametrize("eccentricity", [-0.1, 1.0])
def test_an_open_orbit_is_refused(eccentricity):
    with pytest.raises(ValueError, match=r"closed orbit has one in \[0, 1\)"):
        problems.kepler(eccentricity)


@pytest.mark.parametrize("x0", [0.0, 1.0])
def test_a_constant_logistic_solution_is_refused(x0):
    with pytest.raises(ValueError, match="between 0 and 1"):
        problems.logistic(x0)
