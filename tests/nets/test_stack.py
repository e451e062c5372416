"""A stack is the composition of its steps, and takes whole steps only."""

import pytest
import torch
from torch import nn

from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.stack import stack


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("name", ["euler", "midpoint", "rk4"])
def test_is_the_composition_of_its_steps(name: str, relu: bool) -> None:
    torch.manual_seed(0)
    branches = [nn.Conv2d(3, 3, 3, padding=1) for _ in range(8)]
    stages = len(catalogue.get(name).used_stages)
    x = expected = torch.randn(2, 3, 5, 5)
    for i in range(0, 8, stages):
        expected = RungeKuttaBlock(catalogue.get(name), branches[i : i + stages], h=0.5, relu=relu)(expected)
    steps = stack(catalogue.get(name), branches, h=0.5, relu=relu)
    assert len(steps) == 8 // stages
    assert torch.equal(steps(x), expected)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (0, "0 branches are not a multiple of 4: nearest rk4 numbers are 4"),
        (3, "3 branches are not a multiple of 4: nearest rk4 numbers are 4"),
        (6, "6 branches are not a multiple of 4: nearest rk4 numbers are 4 and 8"),
    ],
)
def test_takes_whole_steps_only(count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stack(catalogue.get("rk4"), [nn.Identity()] * count)
