"""House style of the figures: one colour and marker a method, provenance beside every figure, offline interaction."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from IPython.display import HTML, Markdown
from matplotlib.axes import Axes

from odestack.figures import controls, data
from odestack.figures.controls import About, View
from odestack.lab.bench.measuring import Result
from odestack.lab.measurements import Measured
from odestack.lab.records import Record

WIDE = (8.0, 3.6)
"""Size in inches of a figure with two panels side by side, or one long axis."""
SINGLE = (5.6, 3.8)
"""Size in inches of a figure with one panel."""


class Look(NamedTuple):
    """How a method is drawn everywhere."""

    label: str
    color: str
    marker: str


# Okabe & Ito's palette, safe for colour-blind readers; markers carry the same information.
LOOKS = {
    "euler": Look("Euler (order 1)", "#000000", "o"),
    "midpoint": Look("Midpoint (order 2)", "#0072B2", "s"),
    "heun2": Look("Heun 2 (order 2)", "#56B4E9", "P"),
    "ralston2": Look("Ralston 2 (order 2)", "#56B4E9", "X"),
    "heun3": Look("Heun 3 (order 3)", "#009E73", "^"),
    "kutta3": Look("Kutta 3 (order 3)", "#009E73", "v"),
    "rk4": Look("RK4 (order 4)", "#D55E00", "D"),
    "three_eighths": Look("3/8 rule (order 4)", "#D55E00", "d"),
    "gill4": Look("Gill 4 (order 4)", "#E69F00", "p"),
    "kutta_nystrom5": Look("Kutta–Nyström (order 5)", "#CC79A7", "<"),
    "fehlberg45": Look("Fehlberg 5(4)", "#CC79A7", ">"),
    "dormand_prince5": Look("Dormand–Prince 5(4)", "#CC79A7", "h"),
    "huta6": Look("Huťa (order 6)", "#8C510A", "*"),
    "cooper_verner8": Look("Cooper–Verner (order 8)", "#7F7F7F", "H"),
    "ab2": Look("Adams–Bashforth 2", "#56B4E9", "P"),
    "ab3": Look("Adams–Bashforth 3", "#009E73", "^"),
    "lm": Look("LM-ResNet", "#CC79A7", "X"),
    "adaptive_heun": Look("adaptive Heun (order 2)", "#56B4E9", "P"),
    "bosh3": Look("Bogacki–Shampine (order 3)", "#009E73", "^"),
    "dopri5": Look("Dormand–Prince (order 5)", "#CC79A7", "h"),
    "dopri8": Look("Prince–Dormand (order 8)", "#7F7F7F", "H"),
}
"""By the name of a method of the catalogue, of a multistep stack, or of an adaptive solver."""


def look(scheme: str) -> Look:
    """A method's label, colour and marker; grey for one that has none."""
    return LOOKS.get(scheme, Look(scheme, "#7F7F7F", "o"))


def by_scheme(schemes: Sequence[str]) -> dict[str, Any]:
    """Arguments of a seaborn plot that draw a column "scheme" in these methods' colours and markers."""
    return {
        "hue": "scheme",
        "style": "scheme",
        "hue_order": list(schemes),
        "style_order": list(schemes),
        "palette": {scheme: look(scheme).color for scheme in schemes},
        "markers": {scheme: look(scheme).marker for scheme in schemes},
    }


def legend(ax: Axes) -> None:
    """A legend that gives the methods' full names and orders instead of their identifiers."""
    handles, names = ax.get_legend_handles_labels()
    ax.legend(handles, [look(name).label for name in names])


def draw_effect(
    ax: Axes, at: float, estimate: float, interval: tuple[float, float], upright: bool = False, **look: Any
) -> None:
    """An estimate as a point and its interval as a bar, at a height, or upright at a depth; no bar if it is infinite.

    Args:
        look: colour, marker and more of the point.
    """
    if isfinite(interval[0]):
        (ax.vlines if upright else ax.hlines)(at, *interval, color=look["color"])
    (point,) = ax.plot(*((at, estimate) if upright else (estimate, at)), **look)
    point.set_linestyle("none")


def setup() -> None:
    """Apply the house style to figures and tables, and keep the numbers behind each figure (``figures.data``).

    Called once at the top of a notebook.
    """
    data.install()
    pd.set_option("display.max_colwidth", None)
    sns.set_theme(context="notebook", style="ticks")
    mpl.rcParams.update(
        {
            "figure.figsize": SINGLE,
            "figure.dpi": 120,
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "lines.linewidth": 1.8,
            "lines.markersize": 6,
            "legend.frameon": False,
            "font.size": 11,
        }
    )


def provenance(records: Sequence[Record | Measured]) -> Markdown:
    """Where a figure's numbers come from: runs, seeds, device, precision, commit, dates, wall time."""
    if not records:
        return Markdown("*Provenance: no records yet — not run.*")

    def values(pick: Any) -> str:
        return ", ".join(sorted({str(pick(record)) for record in records}))

    measured = isinstance(records[0], Measured)
    what, spent = ("measurements", "computing") if measured else ("runs", "training")
    dates = sorted(record.environment["date"] for record in records)
    period = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    seconds = sum(record.seconds for record in records)
    time = f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
    return Markdown(
        f"*Provenance: {len(records)} {what} (seeds: {values(lambda r: r.config.seed)}) on "
        f"{values(lambda r: r.environment['device'])}, threads each: {values(lambda r: r.environment['threads'])}, "
        f"{values(lambda r: r.config.precision)}, torch {values(lambda r: r.environment['torch'])}, "
        f"commit {values(lambda r: r.environment['commit'])}, {period}, {time} of {spent} in all.*"
    )


def measured(result: Result | None) -> Markdown:
    """Where the numbers of a group of benchmarks come from."""
    if result is None:
        return Markdown("*Provenance: not run.*")
    where, rounds = result.environment, max(len(case.samples) for case in result.cases)
    return Markdown(
        f"*Provenance: `odestack bench {result.group}`, cases: {len(result.cases)}, rounds: {rounds}, on "
        f"{where['device']}, threads: {where['threads']}, torch {where['torch']}, commit {where['commit']}, "
        f"{where['date']}, {result.seconds:.0f} seconds in all.*"
    )


def computed(what: str) -> Markdown:
    """Provenance of a figure that its own cell computes."""
    return Markdown(f"*Provenance: {what}, computed when this page was built.*")


def interactive(figure: Any, about: About, *views: View) -> HTML:
    """A plotly figure of a chapter, its menus and sliders as native controls above it.

    Args:
        figure: plotly's; it loses its menus and sliders.
        views: texts below the figure that follow the controls.
    """
    choices = controls.of_plotly(figure.layout)
    return HTML(controls.explorer(about, choices, views, controls.graph(figure)))
