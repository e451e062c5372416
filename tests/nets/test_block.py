"""RungeKuttaBlock: the method's formula, and no arithmetic beyond it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given, settings
from random_tableaux import tableaux
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from odestack.methods import catalogue
from odestack.methods.integrate import fixed_step
from odestack.methods.tableau import Tableau
from odestack.nets.block import RungeKuttaBlock

METHODS = catalogue.names()
H = 0.7


class Linear(nn.Module):
    """x -> M x on the channels of (B, C, 1, 1), in float64; remembers its input."""

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.M = torch.randn(channels, channels, dtype=torch.float64, generator=generator) / channels
        self.input = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.input = x
        return torch.einsum("ij,bjhw->bihw", self.M, x)


def state(channels: int = 5, batch: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, channels, 1, 1, dtype=torch.float64, generator=generator)


def by_hand(tableau: Tableau, branches: list[Linear], x: Tensor, h: float) -> Tensor:
    """The textbook formula over all stages; the branches belong to those that the step uses, the others are NaN."""
    branch = dict(zip(tableau.used_stages, branches, strict=True))
    ks: list[Tensor] = []

    def advance(weights: Sequence[sympy.Expr]) -> Tensor:
        y = x
        for weight, k in zip(weights, ks, strict=False):
            if weight != 0:
                y = y + h * float(weight) * k
        return y

    for i, row in enumerate(tableau.A):
        ks.append(branch[i](advance(row)) if i in branch else torch.full_like(x, torch.nan))
    return advance(tableau.b)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("name", METHODS)
def test_equals_the_formula(name: str, relu: bool) -> None:
    tableau = catalogue.get(name)
    branches = [Linear(5, seed) for seed in range(len(tableau.used_stages))]
    expected = by_hand(tableau, branches, state(), H)
    block = RungeKuttaBlock(tableau, branches, h=H, relu=relu)
    torch.testing.assert_close(block(state()), expected.relu() if relu else expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(tableaux())
def test_equals_the_formula_for_random_tableaux(tableau: Tableau) -> None:
    branches = [Linear(3, seed) for seed in range(len(tableau.used_stages))]
    expected = by_hand(tableau, branches, state(3), H)
    block = RungeKuttaBlock(tableau, branches, h=H, relu=False)
    scale = 1 + expected.abs().max().item()
    torch.testing.assert_close(block(state(3)) / scale, expected / scale, rtol=0, atol=1e-10)


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("name", METHODS)
def test_a_stack_of_one_shared_linear_branch_integrates_the_linear_equation(name: str, steps: int) -> None:
    """x' = M x over [0, 1]: L blocks with h = 1/L are the fixed-step integration of ``methods.integrate``."""
    tableau, branch = catalogue.get(name), Linear(5, seed=3)
    branches = [branch] * len(tableau.used_stages)
    stack = nn.Sequential(*(RungeKuttaBlock(tableau, branches, h=1 / steps, relu=False) for _ in range(steps)))
    M, x = branch.M.numpy(), state(batch=1)
    solution = fixed_step(lambda t, y: M @ y, (0.0, 1.0), x.flatten().numpy(), tableau, steps)
    np.testing.assert_allclose(stack(x).flatten().numpy(), solution.y[-1], rtol=1e-11, atol=1e-13)


class Operations(TorchDispatchMode):
    """Names of the tensor operations done, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


class Constant(nn.Module):
    """Returns a tensor made beforehand, so that it does no operation itself; remembers its input."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value, self.input = value, value

    def forward(self, x: Tensor) -> Tensor:
        self.input = x
        return self.value


@pytest.mark.parametrize("name", METHODS)
def test_does_one_addition_for_each_nonzero_coefficient_and_nothing_else(name: str) -> None:
    method = catalogue.get(name).reduced()
    x = state()
    original = x.clone()
    branches = [Constant(state() + i) for i in range(method.stages)]
    block = RungeKuttaBlock(method, branches, h=H, relu=False)
    with Operations() as operations:
        block(x)
    nonzero = sum(value != 0 for row in (*method.A, method.b) for value in row)
    assert set(operations.names) <= {"add", "add_"}
    assert len(operations.names) == nonzero
    assert branches[0].input is x
    assert torch.equal(x, original)
    assert all(torch.equal(branch.value, state() + i) for i, branch in enumerate(branches))


def test_a_stage_that_depends_on_no_other_starts_from_the_input_itself() -> None:
    tableau = Tableau("parallel", ((), (0,)), ("1/2", "1/2"))  # pyright: ignore[reportArgumentType]
    branches = [Constant(state()), Constant(state())]
    x = state()
    RungeKuttaBlock(tableau, branches)(x)
    assert branches[0].input is x
    assert branches[1].input is x


def test_a_step_of_length_zero_is_the_relu_alone_and_leaves_its_input() -> None:
    x = state()
    original = x.clone()
    block = RungeKuttaBlock(catalogue.get("rk4"), [nn.Identity()] * 4, h=0)
    assert torch.equal(block(x), original.relu())
    assert torch.equal(x, original)


def test_gradients_flow_through_every_stage() -> None:
    """Autograd against finite differences, since the additions work in place."""
    x = state(2, 1).requires_grad_()
    tableau = catalogue.get("kutta3")
    block = RungeKuttaBlock(tableau, [Linear(2, seed) for seed in range(3)], relu=False)
    assert torch.autograd.gradcheck(lambda value: block(value.sin()), (x,))


def test_wrong_number_of_branches_is_refused() -> None:
    with pytest.raises(ValueError, match="rk4 uses 4 stages, but got 3 branches"):
        RungeKuttaBlock(catalogue.get("rk4"), [nn.Identity()] * 3)
