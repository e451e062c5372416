"""Explicit Runge-Kutta integration of y' = f(t, y) in float64, with equal or with adapted steps."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from odestack.methods import catalogue
from odestack.methods.tableau import Tableau

RightHandSide = Callable[[float, np.ndarray], ArrayLike]
Field = Callable[[float, np.ndarray], np.ndarray]

SAFETY, MIN_FACTOR, MAX_FACTOR = 0.9, 0.2, 10.0  # of the step-size controller


class Status(StrEnum):
    """How an integration ended."""

    DONE = "done"
    NON_FINITE = "non-finite values"
    STEP_UNDERFLOW = "step size underflow"
    MAX_STEPS = "too many steps"


@dataclass(frozen=True)
class Solution:
    """The whole history of an integration, up to where it ended.

    Attributes:
        t: the n + 1 times reached.
        y: the states there, shape (n + 1, d).
        step_sizes: every step tried, with its sign; n of them were accepted.
        accepted: which steps were accepted, a boolean for each step size.
        nfe: number of evaluations of f.
        status: how it ended; only ``Status.DONE`` reached the end of the time span.
    """

    t: np.ndarray
    y: np.ndarray
    step_sizes: np.ndarray
    accepted: np.ndarray
    nfe: int
    status: Status


def fixed_step(f: RightHandSide, t_span: tuple[float, float], y0: ArrayLike, tableau: Tableau, steps: int) -> Solution:
    """Integrate over ``t_span``, in either direction, in equal steps, evaluating only the stages they use.

    The first state that is not finite is left out and ends the integration, with status ``NON_FINITE``.

    Raises:
        ValueError: ``steps`` is below 1, or f and y0 disagree in shape.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}, but an integration takes at least 1 step")
    f, y = _field(f), _state(y0)
    A, b, c = tableau.reduced().floats()
    t = np.linspace(*t_span, steps + 1)
    h = (t_span[1] - t_span[0]) / steps
    states = [y]
    with np.errstate(all="ignore"):
        for n in range(steps):
            y = y + h * (b @ _slopes(f, t[n], y, h, A, c, f(t[n], y)))
            if not np.isfinite(y).all():
                break
            states.append(y)
    reached = len(states) - 1
    tried = min(reached + 1, steps)
    return Solution(
        t=t[: reached + 1],
        y=np.array(states),
        step_sizes=np.full(tried, h),
        accepted=np.arange(tried) < reached,
        nfe=tried * len(b),
        status=Status.DONE if reached == steps else Status.NON_FINITE,
    )


def adaptive(
    f: RightHandSide,
    t_span: tuple[float, float],
    y0: ArrayLike,
    tableau: Tableau,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_steps: int = 100_000,
) -> Solution:
    """Integrate over ``t_span``, in either direction, in steps whose estimated error meets the tolerances.

    The estimate is the difference to the embedded formula, in the root-mean-square norm weighted by
    ``atol + rtol * max(abs(y_n), abs(y_{n+1}))``; the first step and the elementary controller are those of
    Hairer, Nørsett & Wanner, *Solving ODEs I*, II.4. The solution advances with ``tableau.b``. A method that
    is first-same-as-last saves one evaluation a step. Rejected steps count towards ``max_steps``.

    Raises:
        ValueError: no embedded formula, a tolerance that is not positive, or f and y0 disagree in shape.
    """
    if tableau.b_hat is None or tableau.embedded_order is None:
        pairs = ", ".join(name for name, method in catalogue.METHODS.items() if method.b_hat)
        raise ValueError(f"{tableau.name} has no embedded formula to estimate its error; these have: {pairs}")
    if not (rtol > 0 and atol > 0):
        raise ValueError(f"rtol is {rtol} and atol is {atol}, but both must be positive")
    f, y = _field(f), _state(y0)
    A, b, c = tableau.floats()
    e = b - np.array(tableau.b_hat, dtype=object).astype(np.float64)
    exponent = -1 / (min(tableau.order, tableau.embedded_order) + 1)
    t, end = map(float, t_span)
    times, states, step_sizes, accepted = [t], [y], [], []
    with np.errstate(all="ignore"):
        k1 = f(t, y)
        h = _first_step(f, t, end, y, k1, exponent, atol + rtol * np.abs(y))
        nfe = 1 + (t != end)
        error, largest_factor = 0.0, MAX_FACTOR
        while t != end:
            if not abs(h) > 10 * np.spacing(abs(t)):  # also when h is not a number
                finite = np.isfinite([h, error, *k1]).all()
                status = Status.STEP_UNDERFLOW if finite else Status.NON_FINITE
                break
            if len(step_sizes) == max_steps:
                status = Status.MAX_STEPS
                break
            t_new = end if abs(h) >= abs(end - t) else t + h
            h = t_new - t
            k = _slopes(f, t, y, h, A, c, k1)
            nfe += len(b) - 1
            y_new = y + h * (b @ k)
            scale = atol + rtol * np.maximum(np.abs(y), np.abs(y_new))
            error = _rms(h * (e @ k) / scale) if np.isfinite(y_new).all() else np.inf
            step_sizes.append(h)
            accepted.append(error < 1)
            factor = MAX_FACTOR if error == 0 else SAFETY * error**exponent
            if error < 1:
                t, y = t_new, y_new
                times.append(t)
                states.append(y)
                if tableau.fsal:
                    k1 = k[-1]
                elif t != end:
                    k1 = f(t, y)
                    nfe += 1
                h *= min(factor, largest_factor)
                largest_factor = MAX_FACTOR
            else:
                h *= max(MIN_FACTOR, factor) if np.isfinite(factor) else MIN_FACTOR
                largest_factor = 1.0
        else:
            status = Status.DONE
    return Solution(
        np.array(times), np.array(states), np.array(step_sizes), np.array(accepted, dtype=bool), nfe, status
    )


def _slopes(f: Field, t: float, y: np.ndarray, h: float, A: np.ndarray, c: np.ndarray, k1: np.ndarray) -> np.ndarray:
    """All stages of one step, shape (s, d), given the first."""
    k = np.empty((len(c), len(y)))
    k[0] = k1
    for i in range(1, len(c)):
        k[i] = f(t + c[i] * h, y + h * (A[i, :i] @ k[:i]))
    return k


def _first_step(
    f: Field, t: float, end: float, y: np.ndarray, k1: np.ndarray, exponent: float, scale: np.ndarray
) -> float:
    """A guess at the first step, with its sign, from one more evaluation (Hairer, Nørsett & Wanner, II.4)."""
    span, direction = abs(end - t), np.sign(end - t)
    size, slope = _rms(y / scale), _rms(k1 / scale)
    trial = min(1e-6 if size < 1e-5 or slope < 1e-5 else 0.01 * size / slope, span)
    bend = _rms((f(t + direction * trial, y + direction * trial * k1) - k1) / scale) / trial if trial else 0.0
    steepest = max(slope, bend)
    h = max(1e-6, trial * 1e-3) if steepest <= 1e-15 else (0.01 / steepest) ** -exponent
    return float(direction * min(100 * trial, h, span))


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x**2)))


def _state(y0: ArrayLike) -> np.ndarray:
    y = np.atleast_1d(np.asarray(y0, dtype=np.float64))
    if y.ndim != 1:
        raise ValueError(f"y0 has shape {y.shape}, but a state is a number or a vector of shape (d,)")
    return y


def _field(f: RightHandSide) -> Field:
    def field(t: float, y: np.ndarray) -> np.ndarray:
        slope = np.atleast_1d(np.asarray(f(t, y), dtype=np.float64))
        if slope.shape != y.shape:
            raise ValueError(f"f returned shape {slope.shape}, but the state has shape {y.shape}")
        return slope

    return field
