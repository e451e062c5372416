"""Solvers for one vector field with weights: equal steps of any method of the catalogue, or torchdiffeq's solvers.

An evaluation that gives no finite number, a step that underflows and a spent budget of evaluations end in a
``SolverError``, whose ``status`` is text for a record.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from odestack.methods import catalogue
from odestack.nets.block import runge_kutta_step, scaled

ADAPTIVE = {"adaptive_heun": 2, "bosh3": 3, "dopri5": 5, "dopri8": 8}
"""Solvers of torchdiffeq that choose their steps, and the order with which they advance."""
ADJOINT = {"euler": "euler", "midpoint": "midpoint", "three_eighths": "rk4"}
"""Methods of the catalogue with an adjoint, and torchdiffeq's names: its "rk4" is the 3/8 rule."""

Field = Callable[[Tensor | float, Tensor], Tensor]


class Failure(StrEnum):
    """Why a solver gave up: the status of a run that ends there."""

    NON_FINITE = "non-finite values"
    UNDERFLOW = "step size underflow"
    BUDGET = "too many evaluations"


class SolverError(ArithmeticError):
    """A solver that gave up, in the forward pass or, with an adjoint, in the backward pass."""

    def __init__(self, status: Failure, evaluations: int) -> None:
        super().__init__(f"{status} after {evaluations} evaluations of the vector field")
        self.status = status


@dataclass(frozen=True)
class FixedStep:
    """Equal steps of a method of the catalogue; all its stages evaluate the one field.

    Attributes:
        method: name in the catalogue.
        steps: how many.
        adjoint: solve the adjoint equation backwards, by the same method in as many steps, instead of
            back-propagation through the steps. Only the methods in ``ADJOINT`` can.

    Raises:
        ValueError: no such method, below one step, or no adjoint.
    """

    method: str
    steps: int
    adjoint: bool = False

    def __post_init__(self) -> None:
        catalogue.get(self.method)
        if not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps is {self.steps!r}, not a whole number from 1")
        if self.adjoint and self.method not in ADJOINT:
            raise ValueError(f"{self.method} has no adjoint in torchdiffeq; these have: {', '.join(ADJOINT)}")

    @property
    def evaluations(self) -> int:
        """Of the field, in a forward pass; the backward pass of the adjoint makes as many."""
        return self.steps * len(catalogue.get(self.method).used_stages)


@dataclass(frozen=True)
class Adaptive:
    """Steps that a solver of torchdiffeq chooses so that their estimated error meets the tolerances.

    The error is that of the whole batch, so the batch shares its steps. The last step ends at T: by default torchdiffeq
    steps beyond it and interpolates by a polynomial of degree 4, whose error hides the order of dopri8. Its
    adaptive_heun starts a step with the slope at the end of the last step's Euler prediction, one evaluation a step.

    Attributes:
        method: one of ``ADAPTIVE``.
        rtol, atol: tolerances, relative to the state and absolute.
        adjoint: solve the adjoint equation backwards, with the same method and tolerances, instead of back-propagation
            through the steps.

    Raises:
        ValueError: no such method, or a tolerance that is not positive.
    """

    method: str
    rtol: float = 1e-3
    atol: float = 1e-3
    adjoint: bool = False

    def __post_init__(self) -> None:
        if self.method not in ADAPTIVE:
            raise ValueError(f"adaptive solver {self.method!r} does not exist; choose one of {', '.join(ADAPTIVE)}")
        if not (self.rtol > 0 and self.atol > 0):
            raise ValueError(f"rtol is {self.rtol} and atol is {self.atol}, but both must be positive")


Solver = FixedStep | Adaptive


class NFE(NamedTuple):
    """Evaluations of the field. Back-propagation through the steps makes none: it uses the values kept from forward."""

    forward: int
    backward: int


class CountedField:
    """The field of one forward pass and the backward pass that belongs to it: it counts, and checks every slope.

    torchdiffeq calls the two callbacks before each step, so that it never reaches its own assertions.

    Args:
        field: f, called as field(t, x).
        max_nfe: evaluations that each of the two passes may make.

    Raises:
        SolverError: on an evaluation or a step, as above.
    """

    def __init__(self, field: Field, max_nfe: int) -> None:
        self.field, self.max_nfe = field, max_nfe
        self.forward = self.backward = 0
        self.solved = False

    def __call__(self, t: Tensor | float, x: Tensor) -> Tensor:
        if self.evaluations == self.max_nfe:
            raise SolverError(Failure.BUDGET, self.evaluations)
        if self.solved:
            self.backward += 1
        else:
            self.forward += 1
        slope = self.field(t, x)
        self.check(slope)
        return slope

    @property
    def evaluations(self) -> int:
        """Made in the pass under way."""
        return self.backward if self.solved else self.forward

    def check(self, *tensors: Tensor) -> None:
        if not all(x.is_meta or x.isfinite().all() for x in tensors):
            raise SolverError(Failure.NON_FINITE, self.evaluations)

    def callback_step(self, t: Tensor, x: Tensor, dt: Tensor) -> None:
        """dt is 0 where torchdiffeq's step size came out as not a number."""
        self.check(x)
        if dt == 0:
            raise SolverError(Failure.NON_FINITE, self.evaluations)
        if t + dt == t:
            raise SolverError(Failure.UNDERFLOW, self.evaluations)

    def callback_step_adjoint(self, t: Tensor, state: tuple[Tensor, ...], dt: Tensor) -> None:
        """The state is gradient by t, x, gradient by x, gradients by the weights; t falls."""
        self.check(*state)
        self.callback_step(-t, state[1], dt)


def integrate(f: CountedField, x: Tensor, solver: Solver, T: float, weights: tuple[nn.Parameter, ...]) -> Tensor:
    """x(T) from x(0) = x, in fp32 or fp64; ``weights`` are those of the field, by which an adjoint differentiates.

    Raises:
        SolverError: the solver gave up; with an adjoint, also in the backward pass.
        ValueError: the state is in another precision, or is on the meta device and the solver adaptive.
    """
    if x.is_meta and not isinstance(solver, FixedStep):
        raise ValueError(f"what {solver.method} costs depends on its input: only equal steps can be counted ahead")
    if x.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"the state is {x.dtype}; an ODE is solved in fp32 or fp64, without mixed precision")
    if isinstance(solver, FixedStep) and (x.is_meta or not solver.adjoint):
        y = _through_steps(f, x, solver, T)
    else:
        y = _torchdiffeq(f, x, solver, T, weights)
    f.check(y)
    f.solved = True
    return y


@cache
def _coefficients(method: str, h: float) -> tuple[list[list[float]], list[float], list[float]]:
    """h A below the diagonal, h b and h c of the stages that the step uses."""
    tableau = catalogue.get(method).reduced()
    return *scaled(tableau, h), (h * tableau.floats()[2]).tolist()


def _through_steps(f: Field, x: Tensor, solver: FixedStep, T: float) -> Tensor:
    h = T / solver.steps
    hA, hb, hc = _coefficients(solver.method, h)
    for n in range(solver.steps):
        stages = [partial(f, n * h + each) for each in hc]
        x, _ = runge_kutta_step(x, stages, hA, hb)
    return x


def _torchdiffeq(f: CountedField, x: Tensor, solver: Solver, T: float, weights: tuple[nn.Parameter, ...]) -> Tensor:
    from torchdiffeq import odeint, odeint_adjoint

    t = x.new_tensor([0.0, T])
    if isinstance(solver, FixedStep):
        grid = {"grid_constructor": partial(_grid, solver.steps)}
        how: dict[str, Any] = {"method": ADJOINT[solver.method], "options": grid}
        back: dict[str, Any] = {}
    else:
        how = {"method": solver.method, "rtol": solver.rtol, "atol": solver.atol, "options": {"step_t": t[1:]}}
        back = {"adjoint_options": {"step_t": t[:1]}}
    if not solver.adjoint:
        return odeint(f, x, t, **how)[-1]  # type: ignore[return-value]
    return odeint_adjoint(f, x, t, adjoint_params=weights, **how, **back)[-1]  # type: ignore[return-value]


def _grid(steps: int, f: Field, x: Tensor, t: Tensor) -> Tensor:
    return torch.linspace(t[0].item(), t[-1].item(), steps + 1, dtype=t.dtype, device=t.device)
