"""The peak of a computation's tensors, against cases that can be counted by hand."""

import pytest
import torch

from odestack.lab.memory import peak_bytes, peak_resident

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


def test_the_largest_resident_size_is_that_of_the_fresh_process() -> None:
    small, large = (peak_resident(f"x = bytearray({size} * 2**20)") for size in (1, 101))
    assert abs(large - small - 100 * 2**20) < 2**20


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        peak_resident("1 / 0")
