"""Coefficients that follow the error: their bounds, their limits, their gradients, and what the block computes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.nets.adaptive import ATOL, RTOL, RULES, AdaptiveBlock, damping, error_norm, mistrust, pair, used
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.branch import branch
from odestack.nets.coefficients import coefficients
from odestack.nets.cost import cost
from odestack.nets.resnet import ResNet, block_count
from odestack.nets.signal import signal

PAIRS = ("fehlberg45", "dormand_prince5")


class Constant(nn.Module):
    """A stage of one value everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return self.value.expand_as(x)


def constant_block(rule: str, values: list[float], name: str = "fehlberg45") -> AdaptiveBlock:
    return AdaptiveBlock(catalogue.get(name), [Constant(v) for v in values], rule, 2, relu=False)


def finite_gradients(block: nn.Module) -> int:
    """How many parameters have a gradient; each must be finite. (Stage 2 of Fehlberg is in no weight.)"""
    gradients = [p.grad for p in block.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    return len(gradients)


def network(name: str, rule: str, **options: object) -> ResNet:
    torch.manual_seed(0)
    return ResNet(catalogue.get(name), 26, 8, adaptive=rule, remainder=True, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "rule", "stages"),
    [(name, rule, 7 if name == "dormand_prince5" and rule != "gate" else 6) for name in PAIRS for rule in RULES],
)
def test_the_error_needs_the_seventh_stage_of_dormand_and_prince(name: str, rule: str, stages: int) -> None:
    method = used(catalogue.get(name), rule)
    assert method.stages == stages
    blocks = 48 // 2 // stages
    assert block_count(catalogue.get(name), 50, remainder=True, adaptive=rule) == (blocks, 24 - blocks * stages)


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_keeps_both_orders(name: str) -> None:
    method = catalogue.get(name)
    both = pair(method)
    assert (both.order, both.embedded_order) == (method.order, method.embedded_order)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, math.inf, width=32), st.floats(0, math.inf, width=32), st.integers(1, 8))
def test_coefficients_are_bounded_and_monotone(first: float, second: float, q: int) -> None:
    smaller, larger = sorted([first, second])
    s = damping(torch.tensor([smaller, larger]), q)
    w = mistrust(torch.tensor([smaller, larger]))
    assert 0.2 - 1e-6 <= s[1] <= s[0] <= 1
    assert 0 <= w[0] <= w[1] <= 1


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-6, 1e6), st.integers(1, 8))
def test_the_rules_are_their_formulas(err: float, q: int) -> None:
    value = torch.tensor(err, dtype=torch.float64)
    assert damping(value, q).item() == pytest.approx(min(1, max(0.2, 0.9 * err ** (-1 / (q + 1)))))
    assert mistrust(value).item() == pytest.approx(err / (1 + err))


def test_limits() -> None:
    limits = torch.tensor([0.0, math.inf])
    assert damping(limits, 4).tolist() == [1.0, pytest.approx(0.2)]
    assert mistrust(limits).tolist() == [0.0, 1.0]


def test_err_is_the_scaled_root_mean_square_of_each_image() -> None:
    e, x, y = (
        torch.randn(3, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(i)) for i in (1, 2, 3)
    )
    expected = [
        math.sqrt(sum(v**2 for v in (e[i] / (ATOL + RTOL * torch.maximum(x[i].abs(), y[i].abs()))).flatten()) / 100)
        for i in range(3)
    ]
    assert error_norm(e, x, y).shape == (3, 1, 1, 1)
    assert error_norm(e, x, y).flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("e", "expected"),
    [(0.0, 0.0), (1e-30, 0.0), (1e30, math.inf), (math.inf, math.inf), (math.nan, math.inf)],
    ids=["zero", "squares vanish", "squares overflow", "infinite", "not a number"],
)
@pytest.mark.parametrize("rule", [lambda err: damping(err, 4), mistrust], ids=["step", "blend"])
def test_singular_errors_have_a_limit_and_a_zero_gradient(rule, e: float, expected: float) -> None:
    """One image beside a regular one, whose gradient they leave alone."""
    error = torch.full((2, 1, 2, 2), 0.1)
    error[0] = e
    tensors = [t.requires_grad_() for t in (error, torch.ones(2, 1, 2, 2), torch.ones(2, 1, 2, 2) + 1e-3)]
    err = error_norm(*tensors)
    assert err[0].item() == expected
    rule(err).sum().backward()
    for tensor in tensors:
        assert tensor.grad is not None
        assert tensor.grad[0].abs().max() == 0
        assert tensor.grad[1].isfinite().all()
    assert error.grad is not None
    assert error.grad[1].abs().max() > 0


@pytest.mark.parametrize("rule", ["step", "blend"])
def test_a_block_without_error_makes_the_fixed_step(rule: str) -> None:
    block = constant_block(rule, [0.0] * 6)
    x = torch.rand(2, 2, 4, 4, requires_grad=True)
    y, coefficient = block.step(x)
    assert torch.equal(y, x)
    assert coefficient.flatten().tolist() == ([1.0] * 2 if rule == "step" else [0.0] * 2)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert finite_gradients(block) >= 5


@pytest.mark.parametrize("rule", ["step", "blend"])
def test_a_block_whose_squares_overflow_stays_finite(rule: str) -> None:
    """Stages of 1e25 beside a state of 1: err is infinite, the state and all gradients are not."""
    block = constant_block(rule, [1e25, -1e25, 3e25, 2e25, -2e25, 1e25])
    x = torch.rand(2, 2, 4, 4, requires_grad=True)
    with torch.no_grad():  # the scale grows with y, so let y cancel: then e / scale is about 1e26
        first = block.branches[0]
        others = sum(w * b.value for w, b in zip(block.hb[1:], list(block.branches)[1:], strict=True))  # type: ignore[operator]
        first.value.copy_(-others / block.hb[0])  # type: ignore[operator, union-attr]
    plain = RungeKuttaBlock(catalogue.get("fehlberg45"), block.branches, relu=False)
    y, coefficient = block.step(x)
    assert coefficient.flatten().tolist() == pytest.approx([0.2] * 2 if rule == "step" else [1.0] * 2)
    assert y.isfinite().all()
    if rule == "step":
        torch.testing.assert_close(y, x + 0.2 * (plain(x) - x))
    (y / 1e20).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert finite_gradients(block) >= 5


@pytest.mark.parametrize("name", PAIRS)
def test_blend_mixes_the_two_solutions_and_step_shortens_the_increment(name: str) -> None:
    method = pair(catalogue.get(name))
    values = [0.3, -0.2, 0.5, 0.1, 0.4, -0.6, 0.2][: method.stages]
    _, b, _ = method.floats()
    assert method.b_hat is not None
    b_hat = [float(weight) for weight in method.b_hat]
    full, other = (sum(w * v for w, v in zip(weights, values, strict=True)) for weights in (b, b_hat))
    x = torch.ones(1, 2, 3, 3, dtype=torch.float64)
    for rule in ("step", "blend"):
        y, coefficient = constant_block(rule, values, name).double().step(x)
        c = coefficient.item()
        err = abs(full - other) / (ATOL + RTOL * max(1.0, abs(1 + full)))
        assert c == pytest.approx(err / (1 + err) if rule == "blend" else min(1, max(0.2, 0.9 * err**-0.2)), rel=1e-6)
        assert y[0, 0, 0, 0].item() == pytest.approx(
            1 + (c * full if rule == "step" else (1 - c) * full + c * other), rel=1e-6
        )


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", PAIRS)
def test_the_gate_starts_as_the_fixed_method(name: str, stride: int) -> None:
    torch.manual_seed(0)
    method = catalogue.get(name)
    branches = [branch("conv2", 4, stride=stride if i == 0 else 1) for i in range(6)]
    x = torch.randn(3, 4, 8, 8)
    gated = AdaptiveBlock(method, branches, "gate", 4, stride=stride, h=0.5)
    assert torch.equal(gated(x), RungeKuttaBlock(method, branches, stride=stride, h=0.5)(x))
    with torch.no_grad():
        gated.v.fill_(-50.0)
    torch.testing.assert_close(gated(x), torch.relu(x[:, :, ::stride, ::stride]))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", PAIRS)
def test_the_mean_is_the_tableau_with_half_of_both_weights(name: str, stride: int) -> None:
    method = pair(catalogue.get(name))
    assert method.b_hat is not None
    halves = tuple((b + b_hat) / 2 for b, b_hat in zip(method.b, method.b_hat, strict=True))
    branches = [branch("conv2", 4, stride=stride if i == 0 else 1) for i in range(method.stages)]
    x = torch.randn(3, 4, 8, 8)
    found = AdaptiveBlock(catalogue.get(name), branches, "mean", 4, stride=stride, h=0.5)(x)
    fixed = RungeKuttaBlock(Tableau("mean", method.A, halves), branches, stride=stride, h=0.5)
    torch.testing.assert_close(found, fixed(x))


@pytest.mark.parametrize("downsample", ["stem", "first"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", PAIRS)
def test_every_parameter_has_a_gradient(name: str, rule: str, downsample: str) -> None:
    images, labels = torch.randn(8, 3, 32, 32), torch.arange(8)
    adaptive = network(name, rule, downsample=downsample)
    F.cross_entropy(adaptive(images), labels).backward()
    for parameter_name, parameter in adaptive.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("width", [8, 16, 64])
@pytest.mark.parametrize("name", PAIRS)
def test_tolerances_let_both_rules_react_at_initialisation(name: str, width: int) -> None:
    """For every image and block s is between its bounds, and w neither near 0 nor near 1."""
    torch.manual_seed(0)
    found: list[tuple[str, Tensor]] = []
    for rule in ("step", "blend"):
        adaptive = ResNet(catalogue.get(name), 50, width, adaptive=rule, remainder=True)
        x = adaptive.stem(torch.randn(32, 3, 32, 32))
        for block in adaptive.blocks:
            if isinstance(block, AdaptiveBlock):
                x, coefficient = block.step(x)
                found.append((rule, coefficient))
    for rule, coefficient in found:
        low, high = (0.25, 0.95) if rule == "step" else (0.4, 0.95)
        assert low < coefficient.min() <= coefficient.max() < high


@pytest.mark.parametrize("rule", RULES)
def test_coefficients_are_the_means_over_images(rule: str) -> None:
    adaptive = network("fehlberg45", rule).eval()
    images = torch.randn(6, 3, 32, 32)
    found = coefficients(adaptive, images)
    assert len(found) == 2
    halves = [coefficients(adaptive, half) for half in images.split(3)]
    assert found == pytest.approx([(a + b) / 2 for a, b in zip(*halves, strict=True)], rel=1e-5)
    assert coefficients(ResNet(catalogue.get("rk4"), 26, 8), images) == []


@pytest.mark.parametrize("rule", RULES)
def test_cost_and_signal_see_adaptive_blocks(rule: str) -> None:
    adaptive, plain = network("fehlberg45", rule), ResNet(catalogue.get("fehlberg45"), 26, 8)
    counted, fixed = cost(adaptive), cost(plain)
    assert (counted.evaluations, counted.axpys > fixed.axpys) == (fixed.evaluations, True)
    assert counted.parameters == fixed.parameters + (2 * 9 if rule == "gate" else 0)
    assert signal(adaptive, torch.randn(4, 3, 32, 32), torch.arange(4)).layer.tolist() == [1, 13, 25]


@pytest.mark.parametrize("rule", RULES)
def test_a_method_without_a_pair_is_refused_with_those_that_have_one(rule: str) -> None:
    with pytest.raises(ValueError, match="rk4 has none, these have: fehlberg45, dormand_prince5"):
        ResNet(catalogue.get("rk4"), 26, 8, adaptive=rule)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="adaptive 'pid' does not exist; choose one of step, blend, mean, gate"):
        ResNet(catalogue.get("fehlberg45"), 26, 8, adaptive="pid")
    with pytest.raises(ValueError, match="dormand_prince5 with rule step has 7 stages, but got 6 branches"):
        AdaptiveBlock(catalogue.get("dormand_prince5"), [nn.Identity()] * 6, "step", 4)
    with pytest.raises(ValueError, match="nearest dormand_prince5 depths are 44 and 58"):
        ResNet(catalogue.get("dormand_prince5"), 50, 8, adaptive="step")
