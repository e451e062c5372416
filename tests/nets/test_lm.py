"""Networks that are one multistep stack, and the learned weights of LM-ResNet."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.methods import catalogue
from odestack.methods.multistep import lm_resnet
from odestack.nets.branch import branch
from odestack.nets.coefficients import coefficients
from odestack.nets.cost import cost
from odestack.nets.multistep import STACKS, LMStack, MultistepStack, multistep_stack, step_count
from odestack.nets.probe import deduce_multistep
from odestack.nets.resnet import ResNet
from odestack.nets.signal import signal

STARTS = {"ab2": "midpoint", "ab3": "heun3", "lm": "euler"}


def network(name: str, depth: int = 26, **options: object) -> ResNet:
    torch.manual_seed(0)
    return ResNet(catalogue.get(STARTS[name]), depth, 4, multistep=name, **options)  # type: ignore[arg-type]


def stack_of(n: int, k: float, *, relu: bool = False, h: float = 1.0) -> LMStack:
    stack = LMStack([branch("conv1", 4, batch_norm=False) for _ in range(n)], relu=relu, h=h)
    nn.init.constant_(stack.weights, k)
    return stack


@pytest.mark.parametrize("k", ["-1/2", "1/4", "1"])
@pytest.mark.parametrize("relu", [True, False])
def test_with_one_k_it_is_the_fixed_member_of_the_family(k: str, relu: bool) -> None:
    """Read back by the probe, and as the stack of fixed weights computes it."""
    method = lm_resnet(k, weight=1)
    stack = stack_of(6, float(method.alpha[1]) + 1, relu=relu, h=0.5)
    x = torch.randn(2, 4, 8, 8)
    fixed = MultistepStack(method, stack.branches, start=catalogue.get("euler"), relu=relu, h=0.5)
    torch.testing.assert_close(stack(x), fixed(x))
    alpha, beta = method.floats()
    deduced = deduce_multistep(stack)
    np.testing.assert_allclose(deduced[0], alpha, rtol=0, atol=1e-6)
    np.testing.assert_allclose(deduced[1], beta, rtol=0, atol=1e-6)


def test_every_step_has_its_own_k() -> None:
    """The recursion of the paper, written out."""
    stack = stack_of(4, 0.0, relu=True, h=0.5)
    with torch.no_grad():
        stack.weights.copy_(torch.tensor([0.3, -0.2, 0.7]))
    x = torch.randn(2, 4, 8, 8)
    states = [x, torch.relu(x + 0.5 * stack.branches[0](x))]
    for f, k in zip(list(stack.branches)[1:], (0.3, -0.2, 0.7), strict=True):
        states.append(torch.relu((1 - k) * states[-1] + k * states[-2] + 0.5 * f(states[-1])))
    torch.testing.assert_close(stack(x), states[-1])


def test_at_k_0_it_is_a_stack_of_euler_steps() -> None:
    stack = stack_of(5, 0.0, relu=True)
    x = torch.randn(2, 4, 8, 8)
    y = x
    for f in stack.branches:
        y = torch.relu(y + f(y))
    torch.testing.assert_close(stack(x), y)


def test_the_weights_start_as_in_the_released_code() -> None:
    weights = torch.cat([LMStack([nn.Identity()] * 100).weights.detach() for _ in range(20)])
    assert weights.min() >= -0.1
    assert weights.max() <= 0
    assert weights.mean().item() == pytest.approx(-0.05, abs=0.005)
    assert weights.std().item() == pytest.approx(0.1 / 12**0.5, abs=0.003)


@pytest.mark.parametrize("name", STACKS)
def test_every_parameter_has_a_gradient(name: str) -> None:
    stacked = network(name)
    F.cross_entropy(stacked(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
    for parameter_name, parameter in stacked.named_parameters():
        assert parameter.grad is not None, parameter_name
        gradient: Tensor = parameter.grad
        assert gradient.abs().min() > 0 if parameter_name.endswith("weights") else gradient.abs().max() > 0


@pytest.mark.parametrize("depth", [26, 50])
@pytest.mark.parametrize("name", STACKS)
def test_the_cost_is_that_of_an_euler_network(name: str, depth: int) -> None:
    counted, euler = cost(network(name, depth)), cost(ResNet(catalogue.get("euler"), depth, 4))
    learned = (depth - 2) // 2 - 1 if name == "lm" else 0
    assert (counted.macs, counted.evaluations) == (euler.macs, euler.evaluations)
    assert counted.parameters == euler.parameters + learned


def test_additions_by_hand() -> None:
    """12 branches. ab2: midpoint (2), then 10 steps of 2. ab3: two steps of Heun (4 each), then 6 of 3."""
    assert {name: cost(network(name)).axpys for name in STACKS} == {"ab2": 2 + 20, "ab3": 8 + 18, "lm": 1 + 11 * 2}


def test_steps() -> None:
    counts = {name: step_count(name, catalogue.get(STARTS[name]), 24) for name in STACKS}
    assert counts == {"ab2": 1 + 22, "ab3": 2 + 18, "lm": 24}


@pytest.mark.parametrize("name", STACKS)
def test_signal_sees_the_stack_as_one_block(name: str) -> None:
    result = signal(network(name), torch.randn(4, 3, 32, 32), torch.arange(4))
    assert result.layer.tolist() == [1, 25]
    assert result.gradient.isfinite().all()


def test_coefficients_are_the_weights() -> None:
    stacked = network("lm")
    assert coefficients(stacked, torch.randn(2, 3, 32, 32)) == stacked.blocks[0].weights.tolist()  # type: ignore[union-attr]
    assert coefficients(network("ab2"), torch.randn(2, 3, 32, 32)) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ab2", {"downsample": "first"}, "downsample 'first' does not fit multistep ab2"),
        ("ab3", {"remainder": True}, "remainder does not fit multistep ab3"),
        ("ab2", {"adaptive": "step"}, "adaptive 'step' does not fit multistep ab2"),
        ("lm", {"depth": 27}, "depth 27 is not 2 \\+ 2k: nearest depths for branches of conv2 are 26 and 28"),
        ("lm", {"depth": 4}, "multistep lm started by euler needs more than 1 branches, not 1"),
        ("ab3", {"depth": 14}, "multistep ab3 started by heun3 needs more than 6 branches, not 6"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(name, **options)


def test_unknown_stacks_and_starts_are_refused() -> None:
    branches = [nn.Identity() for _ in range(6)]
    with pytest.raises(ValueError, match="multistep 'ab9' does not exist; choose one of ab2, ab3, lm"):
        multistep_stack("ab9", branches, start=catalogue.get("euler"))
    with pytest.raises(ValueError, match="multistep lm starts with a step of euler, not of rk4"):
        multistep_stack("lm", branches, start=catalogue.get("rk4"))
    with pytest.raises(ValueError, match="lm needs more than 1 branch, not 1"):
        LMStack(branches[:1])
