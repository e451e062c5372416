"""The peak of a computation's tensors, against cases that can be counted by hand."""

import torch

from odestack.lab.memory import peak_bytes

KB = 1_000 * 4
"""Bytes of a tensor of a thousand fp32 numbers."""


def test_what_is_freed_makes_room() -> None:
    x = torch.zeros(1_000)

    def chain() -> torch.Tensor:
        y = x + 1
        for _ in range(10):
            y = y + 1
        return y

    assert peak_bytes(chain) == 2 * KB
    assert peak_bytes(lambda: [x + 1 for _ in range(10)]) == 10 * KB


def test_views_and_changes_in_place_need_nothing() -> None:
    x = torch.zeros(10, 100)
    assert peak_bytes(lambda: x.view(-1)[5:].add_(1)) == 0
    assert peak_bytes(lambda: (x + 1).t().relu_()) == KB


def test_what_the_backward_pass_needs_is_kept() -> None:
    """exp keeps its result. So each of eight adds one tensor, and the way back two more at a time: gradients."""
    weight = torch.zeros(1_000, requires_grad=True)

    def forward(steps: int) -> torch.Tensor:
        y = weight
        for _ in range(steps):
            y = y.exp()
        return y

    assert peak_bytes(lambda: forward(8)) == 8 * KB
    with torch.no_grad():
        assert peak_bytes(lambda: forward(8)) == 2 * KB
    difference = peak_bytes(lambda: forward(8).sum().backward()) - peak_bytes(lambda: forward(4).sum().backward())
    assert difference == 4 * KB


def test_counting_starts_anew() -> None:
    x = torch.zeros(1_000)
    kept = []
    assert peak_bytes(lambda: kept.append(x + 1)) == KB
    assert peak_bytes(lambda: kept.append(kept[0] + 1)) == KB
