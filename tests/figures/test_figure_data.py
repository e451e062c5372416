"""The numbers behind a figure."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from odestack.figures.data import LARGEST_GRID, csv, table


def numbers(ax: Axes, kind: str, *columns: str) -> list[tuple]:
    figure = ax.get_figure(root=True)
    assert figure is not None
    rows = table(figure)
    return list(rows.loc[rows["kind"] == kind, list(columns)].itertuples(index=False, name=None))


def test_lines_and_points_have_their_labels_and_axes(ax: Axes) -> None:
    ax.plot([1, 2], [3, 4], label="Euler")
    ax.plot([5], [6], "o", label="RK4")
    ax.scatter([7], [8], label="runs")
    ax.set(xlabel="depth", ylabel="accuracy (%)", title="left")
    assert numbers(ax, "line", "panel", "x_axis", "y_axis", "series", "x", "y") == [
        ("left", "depth", "accuracy (%)", "Euler", 1.0, 3.0),
        ("left", "depth", "accuracy (%)", "Euler", 2.0, 4.0),
    ]
    assert numbers(ax, "points", "series", "x", "y") == [("RK4", 5.0, 6.0), ("runs", 7.0, 8.0)]


def test_lines_that_guide_the_eye_are_left_out(ax: Axes) -> None:
    ax.axhline(0)
    ax.axvspan(1, 2)
    ax.plot([0, 1], [0.5, 0.5], transform=ax.transAxes)
    ax.plot([1], [1])
    assert len(numbers(ax, "line", "x")) == 1


def test_bars_have_their_names_and_intervals_their_ends(ax: Axes) -> None:
    ax.barh([0, 1], [5, 6])
    ax.set_yticks([0, 1], ["plain", "wired"])
    ax.hlines(1, 4, 8)
    assert numbers(ax, "bar", "x", "y_name") == [(5.0, "plain"), (6.0, "wired")]
    assert numbers(ax, "interval", "x", "x_end", "y_name") == [(4.0, 8.0, "wired")]


@pytest.mark.parametrize("draw", ["imshow", "pcolormesh"])
def test_a_grid_gives_its_values_at_the_centres(ax: Axes, draw: str) -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    if draw == "imshow":
        ax.imshow(values, extent=(0, 2, 0, 2), origin="lower")
    else:
        ax.pcolormesh([0, 1, 2], [0, 1, 2], values)
    assert numbers(ax, "pixel", "x", "y", "value") == [(0.5, 0.5, 1), (1.5, 0.5, 2), (0.5, 1.5, 3), (1.5, 1.5, 4)]


def test_a_figure_without_numbers_has_no_table(ax: Axes) -> None:
    ax.contour(np.eye(3))
    assert csv(ax.get_figure(root=True)) is None  # type: ignore[arg-type]


def test_a_large_grid_is_left_out(ax: Axes) -> None:
    ax.plot([1], [1])
    ax.imshow(np.zeros((LARGEST_GRID // 10, 11)))
    assert numbers(ax, "pixel", "x") == []
