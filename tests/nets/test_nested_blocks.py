"""A block whose branches are steps of blocks is the ordinary block of the nested tableau."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from odestack.methods import catalogue
from odestack.methods.nesting import nested, repeated
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.branch import branch
from odestack.nets.probe import deduce_tableau


class Increment(nn.Module):
    """What blocks in a row add to the state: Phi(x) - x."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x) - x


def block_of_blocks(outer: str, inner: str, branches: Sequence[nn.Module], steps: int = 1) -> RungeKuttaBlock:
    """``steps`` inner steps an increment, the branches dealt out in order."""
    method, dealt = catalogue.get(inner), iter(branches)

    def block() -> RungeKuttaBlock:
        return RungeKuttaBlock(method, [next(dealt) for _ in method.used_stages], h=0.5, relu=False)

    increments = [Increment(*(block() for _ in range(steps))) for _ in catalogue.get(outer).used_stages]
    return RungeKuttaBlock(catalogue.get(outer), increments, relu=False)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("inner", ["midpoint", "heun3", "rk4"])
@pytest.mark.parametrize("outer", ["midpoint", "heun3", "rk4"])
def test_a_block_of_blocks_is_the_block_of_the_nested_tableau(outer: str, inner: str, steps: int) -> None:
    torch.manual_seed(0)
    tableau = nested(catalogue.get(outer), repeated(catalogue.get(inner), steps))
    branches = [branch("conv2", 4).double().eval() for _ in tableau.used_stages]
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    flat = RungeKuttaBlock(tableau, branches, h=0.5, relu=False)
    torch.testing.assert_close(flat(x), block_of_blocks(outer, inner, branches, steps)(x), rtol=1e-9, atol=1e-9)


def test_the_probe_reads_the_nested_tableau_back() -> None:
    tableau = nested(catalogue.get("rk4"), catalogue.get("midpoint"))
    A, b, _ = tableau.floats()
    deduced = deduce_tableau(RungeKuttaBlock(tableau, [nn.Identity()] * 8, h=0.25))
    np.testing.assert_allclose(deduced[0], A, rtol=0, atol=1e-9)
    np.testing.assert_allclose(deduced[1], b, rtol=0, atol=1e-9)
