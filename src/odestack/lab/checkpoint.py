"""The state of an unfinished run in a file: what it goes on from."""

import io
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from odestack.lab.files import write_atomically

State = dict[str, Any]
"""What a run has reached: ``step``, ``epochs``, ``early_loss`` and ``seconds``, as in its record."""


def write_checkpoint(path: Path, state: State, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    buffer = io.BytesIO()
    torch.save({**state, "network": network.state_dict(), "optimiser": optimiser.state_dict()}, buffer)
    write_atomically(path, buffer.getvalue())


def read_checkpoint(path: Path, device: torch.device, network: nn.Module) -> State | None:
    """The state after the last finished epoch, or None. A file that is damaged, or of another network than this, is
    removed, and the run starts over."""
    if not path.exists():
        return None
    try:
        saved = torch.load(path, map_location=device, weights_only=True)
        complete = saved.keys() == {"step", "epochs", "early_loss", "seconds", "network", "optimiser"}
        if complete and _shapes(saved["network"]) == _shapes(network.state_dict()):
            return saved
    except Exception:  # torch.load raises whatever the damaged bytes lead to
        pass
    print(f"checkpoint {path.name} is damaged or of another network: removed, its run starts over", file=sys.stderr)
    path.unlink()
    return None


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


def restore(saved: State | None, network: nn.Module, optimiser: torch.optim.Optimizer) -> State:
    """The state from which a run goes on: what was read, whose weights network and optimiser get, or a new one."""
    if saved is None:
        return {"step": 0, "epochs": [], "early_loss": [], "seconds": 0.0}
    network.load_state_dict(saved.pop("network"))
    optimiser.load_state_dict(saved.pop("optimiser"))
    return saved
