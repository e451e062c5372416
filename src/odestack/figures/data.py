"""The numbers behind a figure, as a tidy table that a notebook keeps beside the picture (MIME type text/csv)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from IPython.core.formatters import BaseFormatter
from IPython.core.getipython import get_ipython
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure, FigureBase
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FuncFormatter
from traitlets import ObjectName, Unicode

LARGEST_GRID = 10_000
"""Images with more pixels are left out: their page computes them."""
COLUMNS = ["panel", "x_axis", "y_axis", "kind", "series", "x", "y", "x_end", "y_end", "value", "x_name", "y_name"]

Row = dict[str, Any]


class CsvFormatter(BaseFormatter):
    """Shows a figure as text/csv, beside the other formats of the notebook."""

    format_type = Unicode("text/csv")
    print_method = ObjectName("_repr_csv_")


def install() -> None:
    """From now on this notebook keeps the table of every figure it shows; does nothing outside a notebook."""
    display: Any = getattr(get_ipython(), "display_formatter", None)
    if display is not None:
        formatter = CsvFormatter(parent=display)
        # the base class, since the inline backend takes its own class out of every formatter when it starts
        formatter.for_type(FigureBase, csv)
        display.formatters["text/csv"] = formatter


def csv(figure: Figure) -> str | None:
    """The figure's table as CSV; None for a figure that has none, such as a picture or contours."""
    rows = table(figure)
    return rows.to_csv(index=False, float_format="%.6g") if len(rows) else None


def table(figure: Figure) -> pd.DataFrame:
    """One row a drawn point, bar, interval or pixel; columns without any entry are left out.

    ``kind`` is line, points, bar, interval (from x, y to x_end, y_end), band (its outline) or pixel (with ``value``).
    Lines that only guide the eye across a whole panel are left out.
    """
    rows = [row for number, ax in enumerate(figure.axes, start=1) for row in _panel(number, ax)]
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.filter([name for name in COLUMNS if any(value not in (None, "") for value in found[name].dropna())])


def _panel(number: int, ax: Axes) -> Iterator[Row]:
    panel = {"panel": ax.get_title() or number, "x_axis": ax.get_xlabel(), "y_axis": ax.get_ylabel()}
    x_names, y_names = _names(ax.xaxis), _names(ax.yaxis)
    for row in (*_lines(ax), *_bars(ax), *_collections(ax), *_images(ax)):
        yield panel | row | {"x_name": x_names.get(row["x"], ""), "y_name": y_names.get(row["y"], "")}


def _names(axis: Axis) -> dict[float, str]:
    """The words that stand for positions on an axis, if there are any."""
    if not isinstance(axis.get_major_formatter(), FixedFormatter | FuncFormatter | StrCategoryFormatter):
        return {}
    labels = [label.get_text() for label in axis.get_majorticklabels()]
    return dict(zip(axis.get_majorticklocs(), labels, strict=False))


def _points(kind: str, series: str, points: Any) -> Iterator[Row]:
    for x, y in np.asarray(points, dtype=float):
        yield {"kind": kind, "series": series, "x": x, "y": y}


def _series(artist: Any, number: int) -> str:
    label = str(artist.get_label())
    return f"series {number}" if label.startswith("_") or not label else label


def _lines(ax: Axes) -> Iterator[Row]:
    for number, line in enumerate(ax.get_lines(), start=1):
        if line.get_transform() is ax.transData:
            kind = "points" if line.get_linestyle() == "None" else "line"
            yield from _points(kind, _series(line, number), line.get_xydata())


def _bars(ax: Axes) -> Iterator[Row]:
    for number, bars in enumerate((each for each in ax.containers if isinstance(each, BarContainer)), start=1):
        for bar in bars:
            assert isinstance(bar, Rectangle)
            (x, y), width, height = bar.get_xy(), bar.get_width(), bar.get_height()
            ends = (x + width, y + height / 2) if bars.orientation == "horizontal" else (x + width / 2, y + height)
            yield {"kind": "bar", "series": _series(bars, number), "x": ends[0], "y": ends[1]}


def _collections(ax: Axes) -> Iterator[Row]:
    for number, each in enumerate(ax.collections, start=1):
        series = _series(each, number)
        if isinstance(each, PathCollection):
            yield from _points("points", series, each.get_offsets())
        elif each.get_transform() is not ax.transData:
            continue
        elif isinstance(each, LineCollection):
            for (x, y), *_, (x_end, y_end) in (segment for segment in each.get_segments() if len(segment) > 1):
                yield {"kind": "interval", "series": series, "x": x, "y": y, "x_end": x_end, "y_end": y_end}
        elif isinstance(each, PolyCollection):
            for path in each.get_paths():
                yield from _points("band", series, path.vertices)
        elif isinstance(each, QuadMesh):
            corners = np.asarray(each.get_coordinates(), dtype=float)
            centres = (corners[:-1, :-1] + corners[1:, 1:]) / 2
            yield from _pixels(series, centres[..., 0], centres[..., 1], np.asarray(each.get_array()))


def _images(ax: Axes) -> Iterator[Row]:
    for number, image in enumerate(ax.get_images(), start=1):
        values = np.asarray(image.get_array())
        if values.ndim != 2:
            continue
        left, right, bottom, top = image.get_extent()
        rows, columns = values.shape
        first, last = (bottom, top) if image.origin == "lower" else (top, bottom)
        xs = left + (np.arange(columns) + 0.5) * (right - left) / columns
        ys = first + (np.arange(rows) + 0.5) * (last - first) / rows
        yield from _pixels(_series(image, number), np.tile(xs, rows), np.repeat(ys, columns), values)


def _pixels(series: str, xs: np.ndarray, ys: np.ndarray, values: np.ndarray) -> Iterator[Row]:
    if values.size <= LARGEST_GRID:
        for x, y, value in zip(xs.ravel(), ys.ravel(), values.ravel(), strict=True):
            yield {"kind": "pixel", "series": series, "x": x, "y": y, "value": value}
