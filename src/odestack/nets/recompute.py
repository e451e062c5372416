"""Branches computed a second time in the backward pass, so that what is inside them need not be kept (Chen et al. 2016,
*Training deep nets with sublinear memory cost*)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from odestack.nets.network import Network
from odestack.nets.neural_ode import NeuralODE


def recompute_branches(network: Network) -> None:
    """Make every branch of the network keep its input alone; results and state stay the same.

    Raises:
        ValueError: the network is a neural ODE, whose solver counts its evaluations.
    """
    if isinstance(network, NeuralODE):
        raise ValueError("recompute does not fit a neural ODE: its adjoint does without what is inside the field")
    for branch in network.branches():
        again = partial(_contexts, branch)
        branch.forward = partial(checkpoint, branch.forward, use_reentrant=False, context_fn=again)


def _contexts(branch: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _with_copied_buffers(branch)


@contextmanager
def _with_copied_buffers(branch: nn.Module) -> Iterator[None]:
    """What batch norms see for the second time does not enter their running statistics."""
    buffers = [
        (module, name, buffer) for module in branch.modules() for name, buffer in module.named_buffers(recurse=False)
    ]
    for module, name, buffer in buffers:
        setattr(module, name, buffer.clone())
    try:
        yield
    finally:
        for module, name, buffer in buffers:
            setattr(module, name, buffer)
