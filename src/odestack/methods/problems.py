"""Initial value problems whose solution is known in closed form, to measure errors against."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import newton

from odestack.methods.integrate import Field, Solution, Status


@dataclass(frozen=True)
class Problem:
    """x' = f(t, x) from x(t_0) = exact(t_0), over the time span.

    Attributes:
        name: what figures call it.
        f: right-hand side; takes a time and a state of shape (d,), returns a slope of shape (d,).
        t_span: first and last time.
        exact: the solution at given times, shape (d,) for one time and (n, d) for n.
    """

    name: str
    f: Field
    t_span: tuple[float, float]
    exact: Callable[[ArrayLike], np.ndarray]

    @property
    def x0(self) -> np.ndarray:
        return self.exact(self.t_span[0])


def errors(problem: Problem, solution: Solution) -> np.ndarray:
    """Global error at every time that the integration reached, in the Euclidean norm, shape (n + 1,)."""
    return np.linalg.norm(solution.y - problem.exact(solution.t), axis=-1)


def final_error(problem: Problem, solution: Solution) -> float:
    """Global error at the end of the time span; infinite if the integration did not get there."""
    return float(errors(problem, solution)[-1]) if solution.status is Status.DONE else np.inf


def logistic(x0: float = 0.1, end: float = 6.0) -> Problem:
    """x' = x (1 - x): solutions part until they reach 1/2 and then close up again.

    Raises:
        ValueError: ``x0`` is not between 0 and 1.
    """
    if not 0 < x0 < 1:
        raise ValueError(f"x0 is {x0}, but the logistic solution starts between 0 and 1")
    return Problem(
        "logistic equation",
        lambda t, x: x * (1 - x),
        (0.0, end),
        lambda t: 1 / (1 + (1 / x0 - 1) * np.exp(-_column(t))),
    )


def kepler(eccentricity: float = 0.5) -> Problem:
    """One period of a planet about a fixed sun, state (q_1, q_2, p_1, p_2), from the point next to the sun.

    The solution goes through Kepler's equation u - e sin u = t (Hairer, Lubich & Wanner, *Geometric Numerical
    Integration*, I.2).

    Raises:
        ValueError: the eccentricity is not in [0, 1).
    """
    e = eccentricity
    if not 0 <= e < 1:
        raise ValueError(f"the eccentricity is {e}, but a closed orbit has one in [0, 1)")

    def f(t: float, x: np.ndarray) -> np.ndarray:
        q1, q2, p1, p2 = x.tolist()
        cube = math.hypot(q1, q2) ** 3
        return np.array([p1, p2, -q1 / cube, -q2 / cube])

    def exact(t: ArrayLike) -> np.ndarray:
        t = np.asarray(t, dtype=np.float64)
        u = np.asarray(newton(lambda u: u - e * np.sin(u) - t, t + e * np.sign(np.sin(t)), lambda u: 1 - e * np.cos(u)))
        minor = np.sqrt(1 - e**2)
        q = np.stack([np.cos(u) - e, minor * np.sin(u)], axis=-1)
        p = np.stack([-np.sin(u), minor * np.cos(u)], axis=-1) / (1 - e * np.cos(u))[..., None]
        return np.concatenate([q, p], axis=-1)

    return Problem(f"Kepler orbit of eccentricity {e}", f, (0.0, 2 * np.pi), exact)


def prothero_robinson(stiffness: float, end: float = 6.0) -> Problem:
    """x' = -k (x - cos t) - sin t with solution cos t, which other solutions approach at the rate k.

    Prothero & Robinson (1974); Hairer & Wanner, *Solving ODEs II*, IV.15.
    """
    return Problem(
        f"Prothero–Robinson, stiffness {stiffness:g}",
        lambda t, x: -stiffness * (x - np.cos(t)) - np.sin(t),
        (0.0, end),
        lambda t: np.cos(_column(t)),
    )


def _column(t: ArrayLike) -> np.ndarray:
    return np.asarray(t, dtype=np.float64)[..., None]
