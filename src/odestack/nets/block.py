"""One Runge-Kutta step as a network block, for every explicit tableau."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from odestack.methods.tableau import Tableau


def axpys(x: Tensor, weights: Sequence[float], ks: Sequence[Tensor]) -> Tensor:
    """x + sum_j weights[j] ks[j], skipping zero weights; x itself if all are zero."""
    terms = [(w, k) for w, k in zip(weights, ks, strict=True) if w]
    if not terms:
        return x
    (w, k), *rest = terms
    y = torch.add(x, k, alpha=w)
    for w, k in rest:
        y.add_(k, alpha=w)
    return y


def nonzero(rows: Iterable[Sequence[float]]) -> int:
    """How many weights are not zero: each is the addition of a scaled feature map to another."""
    return sum(1 for row in rows for weight in row if weight)


def shortcut(x: Tensor, stride: int) -> Tensor:
    """The state from which a step starts, subsampled by plain striding."""
    return x if stride == 1 else x[:, :, ::stride, ::stride]


def scaled(tableau: Tableau, h: float) -> tuple[list[list[float]], list[float]]:
    """h A, row by row below the diagonal, and h b, of all stages."""
    A, b, _ = tableau.floats()
    return [[h * float(a) for a in row[:i]] for i, row in enumerate(A)], [h * float(w) for w in b]


def runge_kutta_step(
    x: Tensor,
    branches: Iterable[Callable[[Tensor], Tensor]],
    hA: Sequence[Sequence[float]],
    hb: Sequence[float],
    stride: int = 1,
) -> tuple[Tensor, list[Tensor]]:
    """The new state x + h sum b_i k_i, and the stage values k_i; the first branch sees x itself."""
    ks: list[Tensor] = []
    start = shortcut(x, stride)
    for i, (branch, row) in enumerate(zip(branches, hA, strict=True)):
        ks.append(branch(x) if i == 0 else branch(axpys(start, row, ks)))
    return axpys(start, hb, ks), ks


class RungeKuttaBlock(nn.Module):
    r"""One step of an explicit Runge-Kutta method whose stages are different branches.

    .. math:: k_i = f_i\Big(x + h \sum_{j<i} a_{ij} k_j\Big), \qquad
              \Phi(x) = \mathrm{ReLU}\Big(x + h \sum_i b_i k_i\Big)

    Stages that the step does not use get no branch. A method has one f; here every stage has weights of its own, so
    the order of the tableau is an analogy.

    Args:
        tableau: the method; ``branches`` must count its used stages.
        branches: maps (B, C, H, W) -> (B, C, H / stride, W / stride) for the first, shape-preserving for the others.
        h: step size.
        relu: apply a ReLU after the addition, as the released HO-ResNet code does.
        stride: of the first branch. The state is then subsampled by plain striding.

    Raises:
        ValueError: the number of branches is wrong.
    """

    def __init__(
        self,
        tableau: Tableau,
        branches: Iterable[nn.Module],
        *,
        h: float = 1.0,
        relu: bool = True,
        stride: int = 1,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.hA, self.hb = scaled(tableau.reduced(), h)
        if len(self.branches) != len(self.hb):
            raise ValueError(f"{tableau.name} uses {len(self.hb)} stages, but got {len(self.branches)} branches")
        self.name, self.h, self.relu, self.stride = tableau.name, h, relu, stride

    def step(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The new state, and the stage values k_i."""
        y, ks = runge_kutta_step(x, self.branches, self.hA, self.hb, self.stride)
        relu = torch.relu_ if any(self.hb) else torch.relu  # a step of h = 0 ends in x itself, which is not ours
        return (relu(y) if self.relu else y), ks

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x)[0]

    @property
    def additions(self) -> int:
        """Of a scaled feature map to another, in the stages and the step."""
        return nonzero([*self.hA, self.hb])

    def extra_repr(self) -> str:
        return f"{self.name}, h={self.h:g}, relu={self.relu}"
