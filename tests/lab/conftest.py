"""A store of one's own, small runs on mini-cifar10, and one thread (the tensors are small, the machine is busy)."""

from pathlib import Path

import pytest
import torch

from odestack.lab import cifar
from odestack.lab.records import Store


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with mini-cifar10 and nothing else, for this process and those that it starts."""
    (tmp_path / "mini-cifar10").symlink_to(cifar.MINI_FOLDER)
    monkeypatch.setenv("ODESTACK_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Store:
    return Store("smoke", folder)
