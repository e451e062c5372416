"""A store of one's own, small runs on mini-cifar10, and one thread (the tensors are small, the machine is busy)."""

from pathlib import Path

import pytest
import torch

from odestack.lab.records import Store


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def store(folder: Path) -> Store:
    return Store("smoke", folder)
