"""The probe reads the coefficients of every method back from a network, and refuses what is no such method."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_tableaux import tableaux
from torch import Tensor, nn

from odestack.methods import catalogue
from odestack.methods.multistep import MultistepMethod, adams_bashforth, bdf, lm_resnet
from odestack.methods.tableau import Tableau
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.multistep import MultistepStack
from odestack.nets.probe import deduce_multistep, deduce_tableau
from odestack.nets.resnet import ResNet


def identities(count: int) -> list[nn.Module]:
    return [nn.Identity() for _ in range(count)]


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("h", [1.0, 0.25])
@pytest.mark.parametrize("name", catalogue.names())
def test_catalogue(name: str, h: float, relu: bool) -> None:
    method = catalogue.get(name).reduced()
    A, b, _ = method.floats()
    deduced = deduce_tableau(RungeKuttaBlock(method, identities(method.stages), h=h, relu=relu))
    np.testing.assert_allclose(deduced[0], A, rtol=0, atol=1e-9)
    np.testing.assert_allclose(deduced[1], b, rtol=0, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(tableaux(), st.sampled_from([0.25, 0.5, 1.0, 2.0]), st.booleans())
def test_random_tableaux(tableau: Tableau, h: float, relu: bool) -> None:
    method = tableau.reduced()
    A, b, _ = method.floats()
    deduced = deduce_tableau(RungeKuttaBlock(tableau, identities(method.stages), h=h, relu=relu))
    np.testing.assert_allclose(deduced[0], A, rtol=0, atol=1e-8)
    np.testing.assert_allclose(deduced[1], b, rtol=0, atol=1e-8)


@pytest.mark.parametrize("downsample", ["stem", "first"])
def test_blocks_of_a_real_network_keep_their_branches(downsample: str) -> None:
    network = ResNet(catalogue.get("rk4"), 18, 4, downsample=downsample)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for block in network.blocks:
        assert isinstance(block, RungeKuttaBlock)
        A, b = deduce_tableau(block)
        np.testing.assert_allclose(A, catalogue.get("rk4").floats()[0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(b, [1 / 6, 1 / 3, 1 / 3, 1 / 6], rtol=0, atol=1e-9)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


class ReleasedRalston(RungeKuttaBlock):
    """Its second stage is f(2x/3), as in the released RK2Block."""

    def step(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        ks = [self.branches[0](x), self.branches[1](2 / 3 * x)]
        return x + 0.25 * ks[0] + 0.75 * ks[1], ks


class Damped(RungeKuttaBlock):
    """Starts from its input, but ends at half of it."""

    def step(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        y, ks = super().step(x)
        return y - 0.5 * x, ks


@pytest.mark.parametrize("block", [ReleasedRalston, Damped])
def test_a_block_that_rescales_its_input_is_no_runge_kutta_method(block: type[RungeKuttaBlock]) -> None:
    with pytest.raises(ValueError, match="not a Runge-Kutta method: the states start from"):
        deduce_tableau(block(catalogue.get("ralston2"), identities(2), relu=False))


class Swapped(RungeKuttaBlock):
    """Gives the weight of each stage to the next one."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.hb = self.hb[1:] + self.hb[:1]


def test_a_wrong_weight_is_seen() -> None:
    _, b = deduce_tableau(Swapped(catalogue.get("heun3"), identities(3)))
    np.testing.assert_allclose(b, [0, 0.75, 0.25], atol=1e-9)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("start", ["euler", "midpoint"])
@pytest.mark.parametrize(
    "method",
    [*(adams_bashforth(k) for k in range(1, 5)), *(lm_resnet(k) for k in ("-1/2", "1/4", "1"))],
    ids=lambda method: method.name,
)
def test_multistep(method: MultistepMethod, start: str, relu: bool) -> None:
    tableau = catalogue.get(start)
    count = len(tableau.used_stages) * (method.steps - 1) + method.steps + 2
    stack = MultistepStack(method, identities(count), start=tableau, h=0.5, relu=relu)
    alpha, beta = method.floats()
    deduced = deduce_multistep(stack)
    np.testing.assert_allclose(deduced[0], alpha, rtol=0, atol=1e-8)
    np.testing.assert_allclose(deduced[1], beta, rtol=0, atol=1e-8)


class Forgetful(MultistepStack):
    """Adds a tenth of the very first state to every new one."""

    def combine(self, states: list[Tensor], slopes: list[Tensor]) -> Tensor:
        self.first = states[0] if len(states) <= self.k and not hasattr(self, "first") else self.first
        return super().combine(states, slopes) + 0.1 * self.first


def test_a_stack_that_uses_more_than_its_steps_is_no_such_method() -> None:
    stack = Forgetful(adams_bashforth(2), identities(6), start=catalogue.get("euler"), relu=False)
    with pytest.raises(ValueError, match="no combination of the last 2 states"):
        deduce_multistep(stack)


def test_a_stack_too_short_to_tell_is_refused() -> None:
    stack = MultistepStack(adams_bashforth(4), identities(4), start=catalogue.get("euler"))
    with pytest.raises(ValueError, match="4 branches do not tell the coefficients of a 4-step method apart"):
        deduce_multistep(stack)


def test_eulers_method_written_with_two_steps_is_refused() -> None:
    """x_(n+1) - x_n is the slope at every step, so no network can show which coefficients it was built from."""
    stack = MultistepStack(lm_resnet(0), identities(8), start=catalogue.get("euler"))
    with pytest.raises(ValueError, match="linearly dependent"):
        deduce_multistep(stack)


def test_a_stack_without_a_step_is_refused() -> None:
    with pytest.raises(ValueError, match="adams_bashforth3 started by midpoint needs more than 4 branches, not 4"):
        MultistepStack(adams_bashforth(3), identities(4), start=catalogue.get("midpoint"))


def test_an_implicit_method_is_refused() -> None:
    with pytest.raises(ValueError, match="bdf2 is implicit"):
        MultistepStack(bdf(2), identities(4), start=catalogue.get("euler"))
