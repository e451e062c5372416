"""An effect in a figure: a point, and a bar only where there is an interval."""

from math import inf
from typing import Any

from matplotlib.axes import Axes

from odestack.figures import draw_effect
from odestack.figures.data import table

LOOK: dict[str, Any] = {"color": "black", "marker": "o"}


def drawn(ax: Axes) -> dict[str, tuple[float, ...]]:
    """Kind of mark → its coordinates."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    rows = table(figure).set_index("kind")
    return {str(kind): tuple(row.filter(["x", "y", "x_end", "y_end"]).dropna()) for kind, row in rows.iterrows()}


def test_an_interval_is_a_bar_through_the_point(ax: Axes) -> None:
    draw_effect(ax, 2, 0.5, (-1.0, 2.0), **LOOK)
    assert drawn(ax) == {"points": (0.5, 2), "interval": (-1.0, 2, 2.0, 2)}


def test_upright_it_stands_at_a_depth(ax: Axes) -> None:
    draw_effect(ax, 26, 0.5, (-1.0, 2.0), upright=True, **LOOK)
    assert drawn(ax) == {"points": (26, 0.5), "interval": (26, -1.0, 26, 2.0)}


def test_one_seed_is_a_point_alone_and_leaves_the_axis_finite(ax: Axes) -> None:
    draw_effect(ax, 2, 0.5, (-inf, inf), **LOOK, linestyle="--")
    assert drawn(ax) == {"points": (0.5, 2)}
    assert 0 < ax.get_xlim()[1] < 1
