"""A whole stack as a linear multistep method: every step has one branch and reuses earlier states and slopes."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from odestack.methods.multistep import MultistepMethod
from odestack.methods.tableau import Tableau
from odestack.nets.block import axpys, runge_kutta_step, scaled


class MultistepStack(nn.Module):
    r"""Steps of an explicit linear multistep method; (B, C, H, W) keeps its shape.

    .. math:: x_{n+k} = \mathrm{ReLU}\Big(-\sum_{j<k} \alpha_j x_{n+j} + h \sum_{j<k} \beta_j f_{n+j}\Big),
              \qquad f_m = \text{branch}_m(x_m)

    The first k - 1 steps are Runge-Kutta steps; the first stage of each is the slope that the later steps reuse.

    Args:
        method: explicit; its last alpha is taken as 1 after scaling.
        branches: for the starting steps (one a used stage), then one for each further step.
        start: the starting method.
        h: step size.
        relu: ReLU after every addition.

    Raises:
        ValueError: the method is implicit, or there are too few branches for the start and one step.
    """

    def __init__(
        self,
        method: MultistepMethod,
        branches: Iterable[nn.Module],
        *,
        start: Tableau,
        h: float = 1.0,
        relu: bool = True,
    ) -> None:
        super().__init__()
        if not method.explicit:
            raise ValueError(f"{method.name} is implicit; a stack needs an explicit method")
        self.branches = nn.ModuleList(branches)
        stages, steps = len(start.used_stages), method.steps - 1
        if len(self.branches) <= stages * steps:
            raise ValueError(
                f"{method.name} started by {start.name} needs more than {stages * steps} branches, "
                f"not {len(self.branches)}"
            )
        alpha, beta = method.floats()
        self.name, self.h, self.relu, self.k = method.name, h, relu, method.steps
        self.alpha = [-float(a / alpha[-1]) for a in alpha[:-1]]
        self.hbeta = [h * float(b / alpha[-1]) for b in beta[:-1]]
        self.hA, self.hb = scaled(start, h)

    def forward(self, x: Tensor) -> Tensor:
        states, slopes = [x], []
        used = 0
        for _ in range(self.k - 1):
            stages = self.branches[used : used + len(self.hb)]
            x, ks = runge_kutta_step(x, stages, self.hA, self.hb)
            x = torch.relu(x) if self.relu else x
            states.append(x)
            slopes.append(ks[0])
            used += len(self.hb)
        for branch in self.branches[used:]:
            slopes.append(branch(states[-1]))
            states.append(self.combine(states[-self.k :], slopes[-self.k :]))
        return states[-1]

    def combine(self, states: list[Tensor], slopes: list[Tensor]) -> Tensor:
        """The next state from the last k states and slopes, oldest first."""
        weights, terms = [*self.alpha[:-1], *self.hbeta], [*states[:-1], *slopes]
        newest = states[-1] if self.alpha[-1] == 1 else self.alpha[-1] * states[-1]
        y = axpys(newest, weights, terms)
        return torch.relu(y) if self.relu else y
