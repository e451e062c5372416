"""A whole stack as a linear multistep method: every step has one branch and reuses earlier states and slopes."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from odestack.methods.multistep import MultistepMethod, adams_bashforth
from odestack.methods.tableau import Tableau
from odestack.nets.block import axpys, nonzero, runge_kutta_step, scaled

ADAMS: dict[str, MultistepMethod] = {f"ab{k}": adams_bashforth(k) for k in (2, 3)}
STACKS = (*ADAMS, "lm")


def step_count(name: str, start: Tableau, branches: int) -> int:
    """Steps of the stack of that name (of ``STACKS``), those of the starting method included.

    Raises:
        ValueError: no such stack, too few branches, or LM-ResNet with another start than Euler's method.
    """
    if name not in STACKS:
        raise ValueError(f"multistep {name!r} does not exist; choose one of {', '.join(STACKS)}")
    if name == "lm" and start.name != "euler":
        raise ValueError(f"multistep lm starts with a step of euler, not of {start.name}")
    return _step_count(f"multistep {name}", 2 if name == "lm" else ADAMS[name].steps, start, branches)


def _step_count(name: str, k: int, start: Tableau, branches: int) -> int:
    stages = len(start.used_stages) * (k - 1)
    if branches <= stages:
        raise ValueError(f"{name} started by {start.name} needs more than {stages} branches, not {branches}")
    return k - 1 + branches - stages


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
        self.steps = _step_count(method.name, method.steps, start, len(self.branches))
        alpha, beta = method.floats()
        self.name, self.h, self.relu, self.k = method.name, h, relu, method.steps
        self.alpha = [-float(a / alpha[-1]) for a in alpha[:-1]]
        self.hbeta = [h * float(b / alpha[-1]) for b in beta[:-1]]
        self.hA, self.hb = scaled(start.reduced(), h)

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

    @property
    def additions(self) -> int:
        """Of a scaled feature map to another, in all steps."""
        starting, others = self.k - 1, self.steps - self.k + 1
        return starting * nonzero([*self.hA, self.hb]) + others * nonzero([self.alpha[:-1], self.hbeta])


class LMStack(nn.Module):
    r"""LM-ResNet (Lu et al. 2018): two-step methods of which every step learns its own weight k_n; keeps (B, C, H, W).

    .. math:: x_{n+1} = \mathrm{ReLU}\big((1 - k_n) x_n + k_n x_{n-1} + h f_n\big),
              \qquad f_n = \text{branch}_n(x_n)

    The first step is Euler's. The k_n start uniform in (-0.1, 0) as in the code that the paper's authors released
    (repository 2prime/LM-ResNet, which holds 1 - k_n): near Euler's method, to which k_n = 0 leads back, and within the
    root condition -1 < k <= 1. Weight decay draws them towards Euler's method too.

    Args:
        branches: one a step, two at least.
        h: step size.
        relu: ReLU after every addition.

    Raises:
        ValueError: there are fewer than two branches.
    """

    def __init__(self, branches: Iterable[nn.Module], *, h: float = 1.0, relu: bool = True) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        if len(self.branches) < 2:
            raise ValueError(f"lm needs more than 1 branch, not {len(self.branches)}")
        self.name, self.h, self.relu, self.k, self.steps = "lm", h, relu, 2, len(self.branches)
        self.weights = nn.Parameter(torch.empty(self.steps - 1).uniform_(-0.1, 0.0))

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.branches
        before, x = x, self.advance(x, first(x))
        for branch, k in zip(others, self.weights.unbind(), strict=True):
            before, x = x, self.advance(x + k * (before - x), branch(x))
        return x

    def advance(self, x: Tensor, slope: Tensor) -> Tensor:
        """x + h slope, and the ReLU."""
        y = torch.add(x, slope, alpha=self.h)
        return torch.relu(y) if self.relu else y

    @property
    def additions(self) -> int:
        """Of a scaled feature map to another: one in the first step, two in the others."""
        return 1 + 2 * (self.steps - 1)


def multistep_stack(
    name: str, branches: Iterable[nn.Module], *, start: Tableau, h: float = 1.0, relu: bool = True
) -> MultistepStack | LMStack:
    """The stack of that name, one of ``STACKS``: Adams-Bashforth of 2 or 3 steps, or LM-ResNet.

    Raises:
        ValueError: as ``step_count``.
    """
    stages = list(branches)
    step_count(name, start, len(stages))
    if name == "lm":
        return LMStack(stages, h=h, relu=relu)
    return MultistepStack(ADAMS[name], stages, start=start, h=h, relu=relu)
