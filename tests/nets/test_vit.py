"""The transformer: one pair is one evaluation, whatever the method, and Euler's method is the published block."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar
from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.cost import cost
from odestack.nets.probe import deduce_tableau
from odestack.nets.vit import Attention, Increment, ViT

EQUAL = ("euler", "midpoint", "rk4")


def network(name: str, pairs: int = 4, width: int = 8) -> ViT:
    torch.manual_seed(0)
    return ViT(catalogue.get(name), pairs, width)


def by_hand(pairs: int, width: int) -> tuple[int, int]:
    """Parameters and MACs with an MLP of twice the width: 64 tokens, 48 numbers a patch, 10 classes."""
    norm, tokens = 2 * width, 64
    linear = 3 * width**2 + width**2 + 2 * 2 * width**2
    biases = 3 * width + width + 2 * width + width
    stem, position, head = 48 * width, tokens * width, 10 * width
    parameters = stem + width + position + pairs * (2 * norm + linear + biases) + norm + head + 10
    attention = 2 * tokens**2 * width  # queries with keys, and weights with values
    return parameters, tokens * (stem + pairs * linear) + pairs * attention + head


@pytest.mark.parametrize("width", [8, 32])
def test_equal_cost_and_by_hand(width: int) -> None:
    networks = [network(name, 4, width) for name in EQUAL]
    assert [len(each.blocks) for each in networks] == [4, 2, 1]
    costs = [cost(each) for each in networks]
    assert {(each.parameters, each.macs) for each in costs} == {by_hand(4, width)}
    assert {each.evaluations for each in costs} == {4}
    assert [each.axpys for each in costs] == [4, 2 * 2, 7]


@pytest.mark.parametrize("name", catalogue.names())
def test_every_method_fits_and_is_read_back(name: str) -> None:
    method = catalogue.get(name).reduced()
    A, b, _ = method.floats()
    transformer = network(name, 2 * method.stages, 4)
    before = {key: value.clone() for key, value in transformer.state_dict().items()}
    assert len(transformer.blocks) == 2
    for block in transformer.blocks:
        assert isinstance(block, RungeKuttaBlock)
        deduced = deduce_tableau(block)
        np.testing.assert_allclose(deduced[0], A, rtol=0, atol=1e-9)
        np.testing.assert_allclose(deduced[1], b, rtol=0, atol=1e-9)
    assert all(torch.equal(value, before[key]) for key, value in transformer.state_dict().items())
    assert transformer(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def published(increment: Increment, x: Tensor) -> Tensor:
    """Equations 2 and 3 of Dosovitskiy et al. (2021), with softmax(q k^T / sqrt(d)) v for each head by hand."""
    norm, attention = increment.attention
    assert isinstance(attention, Attention)
    B, N, D = x.shape
    q, k, v = (
        part.reshape(B, N, attention.heads, -1).transpose(1, 2) for part in attention.qkv(norm(x)).split(D, dim=2)
    )
    weights = (q @ k.transpose(2, 3) / (D / attention.heads) ** 0.5).softmax(3)
    y = x + attention.out((weights @ v).transpose(1, 2).reshape(B, N, D))
    return y + increment.mlp(y)


def increments(block: nn.Module) -> list[Increment]:
    return [module for module in block.modules() if isinstance(module, Increment)]


def strong(transformer: ViT) -> ViT:
    """The same in double precision with ten times the weights, so that no term is negligible."""
    with torch.no_grad():
        for parameter in transformer.blocks.parameters():
            parameter.mul_(10).add_(0.1 * torch.randn_like(parameter))
    return transformer.double()


@torch.no_grad()
def test_a_step_of_euler_is_the_published_block() -> None:
    block = strong(network("euler", 1)).blocks[0]
    x = torch.randn(3, 64, 8, dtype=torch.float64)
    expected = published(increments(block)[0], x)
    torch.testing.assert_close(block(x), expected)
    assert (expected - x).abs().mean() > 0.1


@torch.no_grad()
def test_a_midpoint_step_is_no_splitting() -> None:
    """The second pair sees the half step, and its increment alone advances; a splitting applies the pairs in turn."""
    block = strong(network("midpoint", 2)).blocks[0]
    first, second = increments(block)
    x = torch.randn(3, 64, 8, dtype=torch.float64)
    half = x + 0.5 * (published(first, x) - x)
    expected = x + published(second, half) - half
    torch.testing.assert_close(block(x), expected)
    split = published(second, published(first, x))
    assert (expected - split).abs().max() > 0.1


def test_tokens_are_patches_row_by_row() -> None:
    """The mean of the patch in row 2 and column 3 is token 2 * 8 + 3, at its position."""
    stem = network("euler", 1).stem
    convolution, tokens = stem
    with torch.no_grad():
        convolution.weight.fill_(1 / 48)  # type: ignore[union-attr, operator]
        tokens.position.zero_()[19] += 5.0  # type: ignore[union-attr, operator, index]
        images = torch.randn(2, 3, 32, 32)
        found = stem(images)
    assert found.shape == (2, 64, 8)
    patch = images[:, :, 8:12, 12:16].mean((1, 2, 3))
    torch.testing.assert_close(found[:, 19], (patch + 5.0)[:, None].expand(2, 8))


def test_positions_and_all_else_have_a_gradient() -> None:
    for name in EQUAL:
        transformer = network(name)
        F.cross_entropy(transformer(torch.randn(8, 3, 32, 32)), torch.arange(8)).backward()
        for key, parameter in transformer.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", EQUAL)
def test_learns_a_batch_by_heart(name: str) -> None:
    transformer = network(name)
    split, _ = cifar.load("mini-cifar10")
    images, labels = cifar.normalise(split.images[:16]), split.labels[:16]
    optimiser = torch.optim.AdamW(transformer.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(transformer(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_uses_the_attention_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(F, "scaled_dot_product_attention", lambda q, k, v: calls.append(q.shape) or v)
    Attention(8, 4)(torch.randn(2, 5, 8))
    assert calls == [(2, 4, 5, 2)]


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="6 branches are not a multiple of 4: nearest rk4 numbers are 4 and 8"):
        ViT(catalogue.get("rk4"), 6, 8)
    for heads in (3, 0):
        with pytest.raises(ValueError, match=f"width 8 does not divide by {heads} heads"):
            ViT(catalogue.get("euler"), 4, 8, heads=heads)
