"""A store of one's own."""

from pathlib import Path

import pytest

from odestack.lab.records import Store


@pytest.fixture
def store(folder: Path) -> Store:
    return Store("smoke", folder)
