"""Reading a method back from the network that claims to compute it.

Every branch is replaced by a probe that notes its input and returns a unit vector of its own. States are then linear
forms in the initial state and the branch values, and their coefficients are those of the method.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from odestack.nets.block import RungeKuttaBlock
from odestack.nets.multistep import LMStack, MultistepStack

OFFSET = 2.0**16  # keeps every state positive, so that a ReLU after the addition changes nothing


class Probe(nn.Module):
    """Returns the unit vector of its channel, and remembers its input."""

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel
        self.input = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.input = x
        out = torch.zeros_like(x)
        out[:, self.channel] = 1.0
        return out


def deduce_tableau(block: RungeKuttaBlock) -> tuple[np.ndarray, np.ndarray]:
    """A (s, s) and b (s,) of the method that the block computes, in float64.

    Raises:
        ValueError: a stage or the step does not start from the block's input with weight one, so that it is not a
            Runge-Kutta method.
    """
    forms = _linear_forms(block, len(block.branches))
    if not np.allclose(forms[:, 0], 1.0):
        raise ValueError(f"not a Runge-Kutta method: the states start from {forms[:, 0].round(4)} times the input")
    coefficients = forms[:, 1:] / block.h
    return coefficients[:-1], coefficients[-1]


def deduce_multistep(stack: MultistepStack | LMStack) -> tuple[np.ndarray, np.ndarray]:
    """alpha (k + 1,) and beta (k + 1,) of the last step of the stack, oldest first, with alpha_k = 1.

    Raises:
        ValueError: the last step is no combination of the last k states and slopes, or these are linearly dependent.
    """
    forms = _linear_forms(stack, len(stack.branches))
    k, n = stack.k, len(stack.branches)
    slopes = np.eye(n, n + 1, 1)[n - k :]
    basis = np.concatenate([forms[n - k : n], slopes])  # the last k states and slopes
    solution, _, rank, _ = np.linalg.lstsq(basis.T, forms[n], rcond=None)
    if rank < len(basis):
        raise ValueError(
            f"{n} branches do not tell the coefficients of a {k}-step method apart: "
            "its states and slopes are linearly dependent"
        )
    if not np.allclose(solution @ basis, forms[n], atol=1e-9):
        raise ValueError(f"the last step is no combination of the last {k} states and slopes")
    return np.append(-solution[:k], 1.0), np.append(solution[k:] / stack.h, 0.0)


def _linear_forms(module: nn.Module, count: int) -> np.ndarray:
    """Coefficients on (input, branch 1, ..., branch n) of each branch's input and, last, of the output."""
    probes = [Probe(2 + i) for i in range(count)]
    x = torch.full((1, 2 + count, 1, 1), OFFSET, dtype=torch.float64)
    x[:, 0] += 1.0  # the first two channels differ by the weight of the input
    with _replaced(module, probes), torch.no_grad():
        output = module(x)
    rows = torch.stack([*(probe.input for probe in probes), output]).flatten(1).numpy()
    return np.column_stack([rows[:, 0] - rows[:, 1], rows[:, 2:] - rows[:, 1:2]])


@contextmanager
def _replaced(module: nn.Module, probes: list[Probe]) -> Iterator[None]:
    original = module.branches
    module.branches = nn.ModuleList(probes)
    try:
        yield
    finally:
        module.branches = original
