"""An axis to draw on."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes


@pytest.fixture
def ax() -> Iterator[Axes]:
    plt.switch_backend("agg")
    _, ax = plt.subplots()
    yield ax
    plt.close("all")
