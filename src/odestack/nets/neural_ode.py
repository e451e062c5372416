r"""A convolutional ODE-Net: instead of a stack of branches, one vector field and a solver (Chen et al. 2018).

The state of an image moves by :math:`x' = f(t, x)` from t = 0 to t = T. A solver evaluates f as often as it needs,
always with the same weights, so the number of parameters does not depend on the number of steps.
Why a solver may give up, see ``odestack.nets.solvers``.
"""

import torch
from torch import Tensor, nn

from odestack.methods import catalogue
from odestack.nets.block import nonzero, scaled
from odestack.nets.network import Network, head, stem
from odestack.nets.solvers import NFE, CountedField, FixedStep, Solver, integrate

MAX_GROUPS = 32
"""Of group normalisation, as in the released code of Chen et al."""


def groups(width: int) -> int:
    """How many groups of channels are normalised together. Raises ValueError: they do not divide the width."""
    count = min(MAX_GROUPS, width)
    if width % count:
        raise ValueError(f"width {width} does not divide by the {count} groups of the group normalisation")
    return count


class VectorField(nn.Module):
    """f(t, x): group norm, ReLU and a 3x3 convolution, twice, then group norm (Chen et al. 2018, released code).

    Group normalisation takes its statistics from one image, so the slope of an image is a function of t and of the
    image's own state. With batch normalisation it is not. In training it also depends on the other images of the batch.
    In evaluation it depends on running statistics, over all the states that the solver happened to try in training, at
    whatever times; every evaluation in training moves them, those of an adjoint in the backward pass too.

    Args:
        width: channels of the state (B, width, H, W).
        time: each convolution sees t as one more channel; otherwise f does not depend on t.

    Raises:
        ValueError: the groups do not divide the width.
    """

    def __init__(self, width: int, *, time: bool = True) -> None:
        super().__init__()
        self.time = time
        self.norms = nn.ModuleList(nn.GroupNorm(groups(width), width) for _ in range(3))
        self.convolutions = nn.ModuleList(nn.Conv2d(width + time, width, 3, padding=1) for _ in range(2))

    def forward(self, t: Tensor | float, x: Tensor) -> Tensor:
        for norm, convolution in zip(self.norms, self.convolutions, strict=False):
            # convolutions give channels last, with which torch's group norm takes twenty times as long on a CPU
            x = torch.relu(norm(x.contiguous()))
            x = convolution(torch.cat([x, t * torch.ones_like(x[:, :1])], 1) if self.time else x)
        return self.norms[-1](x.contiguous())


class ODEBlock(nn.Module):
    """x(0) -> x(T) along x' = f(t, x), shape (B, C, H, W) or any other, in fp32 or fp64.

    Args:
        field: f, called as field(t, x); with weights or without.
        solver: how to integrate. Another may be assigned to the attribute at any time, also after training.
        T: end of the integration.
        max_nfe: evaluations that a forward or a backward pass may make.

    Raises:
        SolverError: in the forward pass, or in the backward pass of an adjoint: the solver gave up.
        ValueError: T or max_nfe is not positive, or the state is in another precision.
    """

    def __init__(self, field: nn.Module, solver: Solver, *, T: float = 1.0, max_nfe: int = 1000) -> None:
        super().__init__()
        if not (T > 0 and max_nfe > 0):
            raise ValueError(f"T is {T} and max_nfe is {max_nfe}, but both must be positive")
        self.field, self.solver, self.T, self.max_nfe = field, solver, T, max_nfe
        self._counted = CountedField(field, max_nfe)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        self._counted = CountedField(self.field, self.max_nfe)
        return integrate(self._counted, x, self.solver, self.T, tuple(self.field.parameters()))

    @property
    def nfe(self) -> NFE:
        """Evaluations made by the last forward pass and, so far, by the backward pass that belongs to it."""
        return NFE(self._counted.forward, self._counted.backward)

    @property
    def branches(self) -> tuple[nn.Module, ...]:
        """The field, as often as a forward pass evaluates it.

        Raises:
            ValueError: an adaptive solver decides that from its input.
        """
        return (self.field,) * self._fixed.evaluations

    @property
    def additions(self) -> int:
        """Of a scaled feature map to another, in the stages and the steps."""
        hA, hb = scaled(catalogue.get(self._fixed.method).reduced(), 1.0)
        return self._fixed.steps * nonzero([*hA, hb])

    @property
    def _fixed(self) -> FixedStep:
        if isinstance(self.solver, FixedStep):
            return self.solver
        raise ValueError(f"what {self.solver.method} costs depends on its input: only equal steps can be counted ahead")


class NeuralODE(Network):
    """Images (B, 3, 32, 32) -> logits (B, 10): the stem and head of ``resnet.ResNet``, one ODE block between.

    It is not compiled, since the length of a solver's loop depends on the images.

    Args:
        width: channels.
        solver: of the block; None leaves the block out, which is the baseline.
        time: whether the field depends on t.
        T, max_nfe: of ``ODEBlock``.

    Raises:
        ValueError: the groups of the field's group normalisation do not divide the width.
    """

    compiles = False

    def __init__(
        self,
        width: int,
        solver: Solver | None,
        *,
        time: bool = True,
        T: float = 1.0,
        max_nfe: int = 1000,
    ) -> None:
        super().__init__()
        self.stem = stem(width)
        blocks = [] if solver is None else [ODEBlock(VectorField(width, time=time), solver, T=T, max_nfe=max_nfe)]
        self.blocks = nn.Sequential(*blocks)
        self.head = head(width)
        self.initialise()

    @property
    def block(self) -> ODEBlock:
        """Raises ValueError: it was left out."""
        for block in self.blocks:
            if isinstance(block, ODEBlock):
                return block
        raise ValueError("this network was made without its ODE block")

    @property
    def nfe(self) -> NFE:
        """That of the block, if there is one."""
        return self.block.nfe if len(self.blocks) else NFE(0, 0)
