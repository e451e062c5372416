"""Solvers of one vector field: orders, counts, gradients, and how they give up."""

import json
import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchdiffeq._impl import adaptive_heun, bosh3, dopri5, dopri8

from odestack.methods import catalogue, trees
from odestack.methods.integrate import fixed_step
from odestack.nets.neural_ode import ODEBlock
from odestack.nets.solvers import ADAPTIVE, ADJOINT, Adaptive, Failure, FixedStep, Solver, SolverError

X = torch.linspace(0.2, 0.8, 5, dtype=torch.float64)


class Known(nn.Module):
    def __init__(self, f: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def forward(self, t: Tensor | float, x: Tensor) -> Tensor:
        return self.f(torch.as_tensor(t, dtype=x.dtype), x)


class Weighted(nn.Module):
    """x' = tanh(W x + t v), smooth."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.W = nn.Parameter(torch.randn(5, 5, generator=generator, dtype=torch.float64))
        self.v = nn.Parameter(torch.randn(5, generator=generator, dtype=torch.float64))

    def forward(self, t: Tensor | float, x: Tensor) -> Tensor:
        return torch.tanh(self.W @ x + t * self.v)


def smooth(t: Tensor, x: Tensor) -> Tensor:
    return torch.tanh(x) * torch.sin(2 * t) + torch.cos(x.flip(0))


def solve(f: Callable[[Tensor, Tensor], Tensor], solver: Solver, x: Tensor = X, **options: float) -> Tensor:
    return ODEBlock(Known(f), solver, **options)(x)  # type: ignore[arg-type]


@cache
def exact() -> Tensor:
    """Of the smooth field at 1."""
    return solve(smooth, FixedStep("cooper_verner8", 60))


def gradients(solver: Solver) -> Tensor:
    """Of a loss by the initial state and by the weights, in one row."""
    field, x = Weighted(), X.clone().requires_grad_()
    loss = ODEBlock(field, solver)(x).square().sum()
    return torch.cat([each.flatten() for each in torch.autograd.grad(loss, (x, field.W, field.v))])


def failure(
    f: Callable[[Tensor, Tensor], Tensor], solver: Solver, x: Tensor = X, *, backward: bool = False, **options: float
) -> Failure:
    block = ODEBlock(Known(f), solver, **options)  # type: ignore[arg-type]
    if not backward:
        with pytest.raises(SolverError) as caught:
            block(x)
        return caught.value.status
    loss = block(x.clone().requires_grad_()).sum()
    with pytest.raises(SolverError) as caught:
        loss.backward()
    return caught.value.status


@pytest.mark.parametrize("name", catalogue.names())
def test_equal_steps_converge_with_the_order_of_the_tableau(name: str) -> None:
    coarse, fine = (float((solve(smooth, FixedStep(name, n)) - exact()).norm()) for n in (8, 16))
    assert -0.25 < math.log2(coarse / fine) - catalogue.get(name).order < 0.75


@pytest.mark.parametrize("name", catalogue.names())
def test_equal_steps_are_those_of_the_integrator(name: str) -> None:
    def f(t: float, x: np.ndarray) -> np.ndarray:
        return np.tanh(x) * np.sin(2 * t) + np.cos(x[::-1])

    expected = fixed_step(f, (0.0, 1.5), X.numpy(), catalogue.get(name), 3)
    np.testing.assert_allclose(solve(smooth, FixedStep(name, 3), T=1.5), expected.y[-1], rtol=1e-13)


@pytest.mark.parametrize("name", ADJOINT)
def test_torchdiffeq_takes_the_same_equal_steps(name: str) -> None:
    """Also for a T that fp32 does not hold exactly; and torchdiffeq's "rk4" is not the classical method."""
    own, theirs = (solve(smooth, FixedStep(name, 3, adjoint), T=0.7) for adjoint in (False, True))
    torch.testing.assert_close(own, theirs, rtol=1e-13, atol=0.0)
    assert not torch.allclose(theirs, solve(smooth, FixedStep("rk4", 3), T=0.7), rtol=1e-10)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", catalogue.names())
def test_evaluations_of_equal_steps(name: str, steps: int) -> None:
    block = ODEBlock(Known(smooth), FixedStep(name, steps))
    block(X.clone().requires_grad_()).sum().backward()
    assert block.nfe == (steps * len(catalogue.get(name).used_stages), 0)


@pytest.mark.parametrize(("name", "stages"), [("euler", 1), ("midpoint", 2), ("three_eighths", 4)])
def test_the_adjoint_of_equal_steps_evaluates_as_often_again(name: str, stages: int) -> None:
    block = ODEBlock(Known(smooth), FixedStep(name, 3, adjoint=True))
    y = block(X.clone().requires_grad_())
    assert block.nfe == (3 * stages, 0)
    y.sum().backward()
    assert block.nfe == (3 * stages, 3 * stages)


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize(
    ("name", "per_step"), [("adaptive_heun", 1), ("bosh3", 3), ("dopri5", 6), ("dopri8", 13)], ids=ADAPTIVE
)
def test_evaluations_of_an_adaptive_solver(name: str, per_step: int, adjoint: bool) -> None:
    """Two to begin with, then the same number for every step tried; the adjoint solves anew, plain does not."""
    block = ODEBlock(Known(smooth), Adaptive(name, adjoint=adjoint))
    block(X.clone().requires_grad_()).sum().backward()
    assert block.nfe.forward > 2
    assert (block.nfe.forward - 2) % per_step == 0
    assert (block.nfe.backward > 2) == adjoint


TABLEAUX = {
    "adaptive_heun": adaptive_heun._ADAPTIVE_HEUN_TABLEAU,
    "bosh3": bosh3._BOGACKI_SHAMPINE_TABLEAU,
    "dopri5": dopri5._DORMAND_PRINCE_SHAMPINE_TABLEAU,
    "dopri8": dopri8._DOPRI8_TABLEAU,
}


@pytest.mark.parametrize("name", ADAPTIVE)
def test_the_order_of_an_adaptive_solver_is_that_of_its_tableau(name: str) -> None:
    tableau = TABLEAUX[name]
    rows = [[], *(row.tolist() for row in tableau.beta)]
    A = [row + [0.0] * (len(rows) - len(row)) for row in rows]
    assert trees.order_to_rounding(A, tableau.c_sol.tolist(), 1e-9) == ADAPTIVE[name]


@pytest.mark.parametrize("name", ADAPTIVE)
def test_an_adaptive_solver_gets_better_with_its_tolerance(name: str) -> None:
    loose, tight = (float((solve(smooth, Adaptive(name, e, e)) - exact()).abs().max()) for e in (1e-3, 1e-5))
    assert tight < min(loose, 1e-4)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_an_adaptive_solver_ends_on_T_and_its_adjoint_on_0(name: str) -> None:
    """No evaluation lies outside, where the interpolating polynomial of an overlong step would need it."""
    times = []

    def f(t: Tensor, x: Tensor) -> Tensor:
        times.append(t.item())
        return smooth(t, x)

    solve(f, Adaptive(name, adjoint=True), X.clone().requires_grad_(), T=2.0).sum().backward()
    assert min(times) == 0.0
    assert max(times) == 2.0


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adjoint_gradients_of_an_adaptive_solver_agree_with_plain_ones(name: str) -> None:
    tolerance = {"adaptive_heun": 1e-4, "bosh3": 1e-6}.get(name, 1e-8)
    plain, adjoint = (gradients(Adaptive(name, tolerance, tolerance, adjoint=each)) for each in (False, True))
    torch.testing.assert_close(adjoint, plain, rtol=100 * tolerance, atol=100 * tolerance)


@pytest.mark.parametrize("name", ADJOINT)
def test_adjoint_gradients_of_equal_steps_converge_to_plain_ones(name: str) -> None:
    """They differentiate the equation and not the steps, so they differ by the error of the method."""

    def difference(steps: int) -> float:
        return float((gradients(FixedStep(name, steps, adjoint=True)) - gradients(FixedStep(name, steps))).norm())

    rate = math.log2(difference(16) / difference(32))
    assert rate > catalogue.get(name).order - 0.3


FORWARD = [
    *(FixedStep(name, 4) for name in ("euler", "rk4")),
    *(FixedStep(name, 4, adjoint=True) for name in ADJOINT),
    *(Adaptive(name, adjoint=adjoint) for name in ADAPTIVE for adjoint in (False, True)),
]


@pytest.mark.parametrize("solver", FORWARD, ids=str)
@pytest.mark.parametrize("begin", [0.0, 0.4])
def test_a_slope_that_is_not_a_number_is_a_status(solver: Solver, begin: float) -> None:
    def f(t: Tensor, x: Tensor) -> Tensor:
        return x * torch.where(t >= begin, math.nan, 1.0)

    assert failure(f, solver) == Failure.NON_FINITE


@pytest.mark.parametrize("solver", [Adaptive(name, adjoint=True) for name in ADAPTIVE], ids=str)
def test_an_adjoint_that_is_not_a_number_is_a_status(solver: Solver) -> None:
    """The slope at 0 is 0, its derivative infinite."""
    assert failure(lambda t, x: x.sqrt(), solver, torch.zeros_like(X), backward=True) == Failure.NON_FINITE


@pytest.mark.parametrize("name", ADJOINT)
def test_an_adjoint_of_equal_steps_that_is_not_a_number_is_a_status(name: str) -> None:
    solver = FixedStep(name, 2, adjoint=True)
    assert failure(lambda t, x: x.sqrt(), solver, torch.zeros_like(X), backward=True) == Failure.NON_FINITE


def test_a_last_state_that_overflows_is_a_status() -> None:
    assert failure(lambda t, x: 1e38 + 0 * x, FixedStep("euler", 1), X.float(), T=10.0) == Failure.NON_FINITE


@pytest.mark.parametrize("name", ["dopri5", "dopri8"])
def test_a_step_that_underflows_is_a_status(name: str) -> None:
    """x' = x^2 from 1 has no solution beyond t = 1."""
    ones = torch.ones(2, dtype=torch.float64)
    assert failure(lambda t, x: x.square(), Adaptive(name), ones, T=2.0, max_nfe=10_000) == Failure.UNDERFLOW


@pytest.mark.parametrize("name", ADAPTIVE)
def test_a_stiff_field_ends_in_the_budget(name: str) -> None:
    block = ODEBlock(Known(lambda t, x: -1e6 * (x - t.cos())), Adaptive(name), max_nfe=200)
    with pytest.raises(SolverError, match="too many evaluations after 200 evaluations") as caught:
        block(X)
    assert caught.value.status == Failure.BUDGET
    assert block.nfe == (200, 0)


def test_the_budget_holds_for_equal_steps_to_the_evaluation() -> None:
    assert failure(smooth, FixedStep("rk4", 5), max_nfe=19) == Failure.BUDGET
    solve(smooth, FixedStep("rk4", 5), max_nfe=20)


def test_the_budget_of_the_backward_pass_is_its_own() -> None:
    """Forwards the states soon rest; backwards they grow like exp(100 t), which takes more steps."""
    solver = Adaptive("dopri5", adjoint=True)
    block = ODEBlock(Known(lambda t, x: -100 * x), solver)
    block(X.clone().requires_grad_()).sum().backward()
    budget = block.nfe.forward
    assert block.nfe.backward > budget
    assert failure(lambda t, x: -100 * x, solver, backward=True, max_nfe=budget) == Failure.BUDGET


def test_a_record_can_hold_the_status() -> None:
    error = SolverError(Failure.UNDERFLOW, 7)
    assert json.dumps({"status": error.status}) == '{"status": "step size underflow"}'
    assert str(error) == "step size underflow after 7 evaluations of the vector field"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FixedStep("rk5", 4), "no method is called 'rk5'"),
        (lambda: FixedStep("rk4", 0), "steps is 0, not a whole number from 1"),
        (lambda: FixedStep("rk4", 4, adjoint=True), "rk4 has no adjoint in torchdiffeq; these have: euler, midpoint"),
        (lambda: Adaptive("rk4"), "'rk4' does not exist; choose one of adaptive_heun, bosh3"),
        (lambda: Adaptive("dopri5", rtol=0.0), "rtol is 0.0 and atol is 0.001, but both must be positive"),
        (lambda: Adaptive("dopri5", atol=math.nan), "atol is nan, but both must be positive"),
        (lambda: ODEBlock(Known(smooth), Adaptive("dopri5"), T=0.0), "T is 0.0 and max_nfe is 1000"),
        (lambda: solve(smooth, FixedStep("rk4", 1), X.bfloat16()), "torch.bfloat16; an ODE is solved in fp32"),
    ],
)
def test_what_cannot_be_solved_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
