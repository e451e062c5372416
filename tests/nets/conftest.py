"""One thread: the tensors are small, and threads that wait for each other on a busy machine cost far more."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)
