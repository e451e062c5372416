r"""Which coefficients of a method the weights of a network can absorb.

A branch ends in a convolution, so scaling its last weights by s scales its stage value k by s. Wherever k is
used its coefficient may then be divided by s, and the block computes the same function. The uses of k_i are
column i of A over b: one scale a stage is free, and no rescaling changes the ratios in a column.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import sympy
import torch
from torch import Tensor
from torch.func import functional_call, jacrev

from odestack.methods.tableau import Tableau
from odestack.nets.block import RungeKuttaBlock

STEP = 1e-7
"""Of the differences by the coefficients: so small that hardly any ReLU changes side."""


class Coefficient(NamedTuple):
    """One nonzero coefficient, before and after every column was divided by its last entry.

    Attributes:
        place: "a21" or "b1", numbered over the used stages.
        absorbed: place of the last entry of the same column.
        value: in the tableau.
        rest: the ratio of the two, which remains.
    """

    place: str
    absorbed: str
    value: sympy.Expr
    rest: sympy.Expr


def coefficients(tableau: Tableau) -> list[Coefficient]:
    """All nonzero coefficients, by column; the last of each column, b_i unless it is zero, is absorbed."""
    method = tableau.reduced()
    s = method.stages
    rows = [*method.A, method.b]
    found = []
    for j in range(s):
        column = {_place(i, j, s): rows[i][j] for i in range(s + 1) if rows[i][j] != 0}
        last, scale = list(column.items())[-1]
        found += [Coefficient(place, last, value, sympy.radsimp(value / scale)) for place, value in column.items()]
    return found


def ratios(tableau: Tableau) -> int:
    """Number of coefficients that no rescaling of branches absorbs: nonzero ones minus used stages."""
    return len(coefficients(tableau)) - len(tableau.used_stages)


def scales(block: RungeKuttaBlock) -> list[float]:
    """The last nonzero entry of each column of hA over hb: what ``absorb`` moves into the branch."""
    return [_column(block, j)[-1] for j in range(len(block.branches))]


def absorb(block: RungeKuttaBlock, factors: Sequence[float] | None = None) -> RungeKuttaBlock:
    """A block that computes the same function, with the last layer of branch i multiplied by factors[i].

    All uses of stage value i are divided by the factor. By default the factors are ``scales``, so that the
    last use of every stage value gets the coefficient 1.

    Raises:
        ValueError: there is not one nonzero factor for each branch.
    """
    factors = scales(block) if factors is None else list(factors)
    if len(factors) != len(block.branches) or not all(factors):
        raise ValueError(f"factors must be {len(block.branches)} nonzero numbers, not {factors}")
    other = copy.deepcopy(block)
    with torch.no_grad():
        for branch, factor in zip(other.branches, factors, strict=True):
            for parameter in branch[-1].parameters():  # type: ignore[index]
                parameter.mul_(factor)
    other.hA = [[a / s for a, s in zip(row, factors, strict=False)] for row in block.hA]
    other.hb = [b / s for b, s in zip(block.hb, factors, strict=True)]
    return other


def unabsorbed(block: RungeKuttaBlock, x: Tensor) -> Tensor:
    """How far the coefficients reach beyond the weights, to first order: singular values, largest first.

    The columns of a matrix are the derivatives of the output by each nonzero coefficient, scaled to length 1.
    Whatever is a combination of the derivatives by the weights (any change of any weight, not rescaling
    alone) is taken out. The number of singular values above round-off is the number of directions, in the
    space of coefficients, that no small change of weights absorbs.

    Args:
        block: in double precision; batch normalisation must use batch statistics and keep no running ones.
        x: (B, C, H, W), with more entries than the block has weights.

    Raises:
        ValueError: x has too few entries to tell the derivatives apart.
    """
    n = sum(p.numel() for p in block.parameters())
    if x.numel() <= n:
        raise ValueError(f"x has {x.numel()} entries; it needs more than the {n} weights of the block")
    weights = {name: p.detach() for name, p in block.named_parameters()}
    jacobian = jacrev(lambda w: functional_call(block, w, (x,)).flatten())(weights)
    by_weights = torch.cat([j.flatten(1) for j in jacobian.values()], 1)
    with torch.no_grad():
        by_coefficients = torch.stack(
            [
                (_shifted(block, i, j, STEP)(x) - _shifted(block, i, j, -STEP)(x)).flatten()
                for j in range(len(block.branches))
                for i, row in enumerate([*block.hA, block.hb])
                if j < len(row) and row[j]
            ],
            1,
        )
    u, singular, _ = torch.linalg.svd(by_weights, full_matrices=False)
    u = u[:, singular > 1e-10 * singular[0]]
    by_coefficients /= by_coefficients.norm(dim=0)
    return torch.linalg.svdvals(by_coefficients - u @ (u.T @ by_coefficients))


def _place(i: int, j: int, s: int) -> str:
    return f"b{j + 1}" if i == s else f"a{i + 1}{j + 1}" if s < 10 else f"a{i + 1},{j + 1}"


def _column(block: RungeKuttaBlock, j: int) -> list[float]:
    return [row[j] for row in [*block.hA, block.hb] if j < len(row) and row[j]]


def _shifted(block: RungeKuttaBlock, i: int, j: int, by: float) -> RungeKuttaBlock:
    other = copy.copy(block)
    other.hA, other.hb = [list(row) for row in block.hA], list(block.hb)
    [*other.hA, other.hb][i][j] += by
    return other
