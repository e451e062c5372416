r"""Blocks whose coefficients follow the error estimate of an embedded pair, and two rules without it as controls.

An embedded pair has two sets of weights, b and b-hat, over the same stages. Their difference estimates the error of a
step, :math:`e = h \sum_i (b_i - \hat b_i) k_i`, and its size is measured for each image, by the root mean square over
channels and pixels (Hairer, Nørsett & Wanner, *Solving ODEs I*, II.4, equation 4.11),

.. math:: err = \mathrm{RMS}\left(\frac{e}{atol + rtol \cdot \max(|x|, |y|)}\right), \qquad y = x + h \sum_i b_i k_i.

In a network every stage has weights of its own, so err says how far two sums of branches disagree; as an error of
integration it is an analogy.
"""

import math
from collections.abc import Iterable
from functools import cache

import torch
from torch import Tensor, nn

from odestack.methods.catalogue import METHODS
from odestack.methods.integrate import MIN_FACTOR, SAFETY
from odestack.methods.tableau import Tableau
from odestack.nets.block import axpys, nonzero, runge_kutta_step, scaled, shortcut

RULES = ("step", "blend", "mean", "gate")
ATOL = RTOL = 0.01
"""Tolerances. Freshly initialised branches have outputs as large as the state, whatever the width, so e is some
hundredths of the state and err a few units in every block: inside the ranges in which both rules react. With the
tolerances of an integrator each rule would start at its bound, where it has no gradient."""


def pair(tableau: Tableau) -> Tableau:
    """The stages that b or b-hat use, directly or through other stages, with both sets of weights.

    Raises:
        ValueError: the method has no embedded formula; the message names those that have one.
    """
    if tableau.b_hat is None:
        others = ", ".join(name for name, method in METHODS.items() if method.b_hat is not None)
        raise ValueError(
            f"adaptive coefficients need an embedded formula; {tableau.name} has none, these have: {others}"
        )
    embedded = Tableau(tableau.name, tableau.A, tableau.b_hat)
    keep = sorted({*tableau.used_stages, *embedded.used_stages})
    A = tuple(tuple(tableau.A[i][j] for j in keep) for i in keep)
    b, b_hat = (tuple(weights[i] for i in keep) for weights in (tableau.b, tableau.b_hat))
    return Tableau(tableau.name, A, b, b_hat, tableau.source)


@cache
def used(tableau: Tableau, rule: str | None) -> Tableau:
    """The stages that get a branch: those of the step, or those of the pair unless the rule is "gate".

    Raises:
        ValueError: no such rule, or the rule wants an embedded formula and there is none.
    """
    if rule is None:
        return tableau.reduced()
    if rule not in RULES:
        raise ValueError(f"adaptive {rule!r} does not exist; choose one of {', '.join(RULES)}")
    both = pair(tableau)
    return tableau.reduced() if rule == "gate" else both


def error_norm(e: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """err of each image, shape (B, 1, 1, 1), in fp32 at least, from e, x and y of shape (B, C, H, W).

    Where it is 0 or not finite (squares overflow long before the state does; NaN counts as infinite) it is 0 or
    infinite, with gradient 0, where differentiating the square root would give NaN.
    """
    e, x, y = (tensor if tensor.dtype == torch.float64 else tensor.float() for tensor in (e, x, y))
    scale = ATOL + RTOL * torch.maximum(x.abs(), y.abs())
    err = _rms((e / scale).detach())
    regular = err.isfinite() & (err > 0)
    singular = torch.zeros_like(err).masked_fill(err != 0, math.inf)
    err = _rms(torch.where(regular, e, 1.0) / torch.where(regular, scale, 1.0))
    return torch.where(regular, err, singular)


def damping(err: Tensor, q: int) -> Tensor:
    """s = min(1, max(s_min, 0.9 err^(-1/(q+1)))) with s_min = 0.2: the step-size controller of II.4, bounded by 1.

    1 at err = 0 and s_min at infinite err. q is the lower order of the pair.
    """
    ratio = (err / SAFETY ** (q + 1)).clamp(1.0, MIN_FACTOR ** -(q + 1))
    return ratio ** (-1 / (q + 1))


def mistrust(err: Tensor) -> Tensor:
    """w = err / (1 + err): 0 at err = 0 and 1 at infinite err."""
    return 1 - 1 / (1 + err)


class AdaptiveBlock(nn.Module):
    r"""One step of an embedded pair, with a coefficient for each image.

    With y = x + h sum of b_i k_i and the error estimate e, each rule gives the new state as

    * "step": :math:`x + s\,(y - x)` with s = ``damping(err)``. A controller would repeat the step with the smaller
      step size; the block does not recompute its stages, so its s only damps the increment.
    * "blend": :math:`y - w e = x + h \sum_i ((1 - w) b_i + w \hat b_i) k_i` with w = ``mistrust(err)``: it falls back
      on the other solution of the pair where the two disagree.
    * "mean": the same with w = 1/2 throughout, fixed coefficients that use all stages of the pair: the control for
      methods whose step alone uses fewer.
    * "gate": :math:`x + s\,(y - x)` with s = 2 sigmoid(u · pool(x) + v), u and v learned from 0, so that s = 1 at the
      start: a control that looks at the state instead of the error (like squeeze-and-excitation, Hu et al. 2018).

    then a ReLU, if asked for. Gradients flow through s and w.

    Args:
        tableau: of a method with an embedded formula.
        branches: one for each stage of ``used(tableau, rule)``: Dormand-Prince has six under "gate", else seven.
        rule: one of ``RULES``.
        channels: of the state.
        h, relu, stride: as for ``RungeKuttaBlock``.

    Raises:
        ValueError: no such rule, no embedded formula, or the wrong number of branches.
    """

    def __init__(
        self,
        tableau: Tableau,
        branches: Iterable[nn.Module],
        rule: str,
        channels: int,
        *,
        h: float = 1.0,
        relu: bool = True,
        stride: int = 1,
    ) -> None:
        super().__init__()
        method = used(tableau, rule)
        self.branches = nn.ModuleList(branches)
        if len(self.branches) != method.stages:
            raise ValueError(
                f"{tableau.name} with rule {rule} has {method.stages} stages, but got {len(self.branches)} branches"
            )
        self.hA, self.hb = scaled(method, h)
        self.he: list[float] = []
        if method.b_hat is not None:
            self.he = [h * float(w - w_hat) for w, w_hat in zip(method.b, method.b_hat, strict=True)]
        self.q = min(tableau.order, tableau.embedded_order or 0)
        self.name, self.rule, self.h, self.relu, self.stride = tableau.name, rule, h, relu, stride
        if rule == "gate":
            self.u, self.v = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(()))

    def step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The new state, and the coefficient s or w of each image, shape (B, 1, 1, 1)."""
        start = shortcut(x, self.stride)
        y, ks = runge_kutta_step(x, self.branches, self.hA, self.hb, self.stride)
        if self.rule == "gate":
            coefficient = 2 * torch.sigmoid(start.mean((2, 3)) @ self.u.to(x.dtype) + self.v).view(-1, 1, 1, 1)
            new = torch.lerp(start, y, coefficient.to(y.dtype))
        else:
            e = axpys(torch.zeros_like(y), self.he, ks)
            if self.rule == "mean":
                coefficient = y.new_full((len(y), 1, 1, 1), 0.5)
            else:
                err = error_norm(e, start, y)
                coefficient = damping(err, self.q) if self.rule == "step" else mistrust(err)
            weight = coefficient.to(y.dtype)
            new = torch.lerp(start, y, weight) if self.rule == "step" else y - weight * e
        return (torch.relu(new) if self.relu else new), coefficient

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x)[0]

    @property
    def additions(self) -> int:
        """Of the stages and the step, of e where there is one, and the one that the coefficient weighs."""
        return nonzero([*self.hA, self.hb, self.he]) + 1

    def extra_repr(self) -> str:
        return f"{self.name}, rule={self.rule}, h={self.h:g}, relu={self.relu}"


def _rms(x: Tensor) -> Tensor:
    return x.square().mean((1, 2, 3), keepdim=True).sqrt()
