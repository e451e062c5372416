"""Drawings made from the exact objects: what is drawn is what is computed."""

import sympy
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from odestack.methods import trees
from odestack.methods.tableau import Tableau

LINE = "#333333"
COEFFICIENT = "#A63603"
BRANCH = "#DCEAF7"
DROP = 0.34  # from the line of a stage value down to the additions that use it


def draw_block(tableau: Tableau, ax: Axes) -> Axes:
    """The residual block of a method, as ``nets.block.RungeKuttaBlock`` computes it.

    The state runs along the top, a shortcut that every column taps. Column i collects the argument of
    branch i, one addition for each nonzero coefficient of row i of A; the last column collects the step, with
    weights b. All coefficients are times h. Stages that the step does not use are left out.

    Each addition is a circle whose gid is its row and column: "a2,1", or "b1" in the step.
    """
    method = tableau.reduced()
    s = method.stages
    size = 11 if s <= 4 else 9 if s <= 6 else 7
    last = s + 1
    ax.plot([0.25, last], [0, 0], color=LINE, lw=1.8, zorder=3)
    ax.text(0.15, 0, "$x_n$", ha="right", va="center", fontsize=size + 2)
    rows = [*(row[:i] for i, row in enumerate(method.A)), method.b]
    for i, row in enumerate(rows, start=1):
        bottom = 0.24 - i
        arrow = {"arrowstyle": "-|>", "color": LINE, "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", xy=(i, bottom), xytext=(i, 0), arrowprops=arrow, zorder=1)
        if i < last:
            _box(ax, i, f"$f_{{{i}}}$", BRANCH, size + 2)
            ax.add_patch(Circle((i, 0), 0.05, color=LINE, zorder=4))
        for j, a in enumerate(row, start=1):
            if a != 0:
                place = f"b{j}" if i == last else f"a{i},{j}"
                _addition(ax, i, j, _label(a, digits=3 if s <= 6 else 2), place, size)
    for j in range(1, last):
        end = max(i for i, row in enumerate(rows, start=1) if j <= len(row) and row[j - 1] != 0)
        ax.plot([j + 0.3, end - DROP], [-j, -j], color="white", lw=5, zorder=2)  # passes over the columns
        ax.plot([j + 0.3, end - DROP], [-j, -j], color=LINE, lw=1.2, zorder=3)
        ax.text(j + 0.36, -j + 0.05, f"$k_{{{j}}}$", va="bottom", fontsize=size)
    _box(ax, last, "ReLU", "white", size - 1)
    ax.plot([last, last], [-last - 0.24, -last - 0.5], color=LINE, lw=1.8)
    ax.text(last, -last - 0.55, "$x_{n+1}$", ha="center", va="top", fontsize=size + 2)
    ax.set(xlim=(-0.5, last + 0.6), ylim=(-last - 1.05, 0.4), aspect="equal")
    ax.set_axis_off()
    return ax


def _addition(ax: Axes, i: int, j: int, label: str, place: str, size: int) -> None:
    """Stage value j, times its coefficient, is added in column i."""
    y = -j - DROP
    ax.plot([i - DROP, i], [-j, y], color=COEFFICIENT, lw=1.2, zorder=3)
    ax.add_patch(Circle((i - DROP, -j), 0.04, color=LINE, zorder=4))
    circle = Circle((i, y), 0.12, facecolor="white", edgecolor=LINE, lw=1.2, zorder=5)
    circle.set_gid(place)
    ax.add_patch(circle)
    for dx, dy in ((0.07, 0.0), (0.0, 0.07)):
        ax.plot([i - dx, i + dx], [y - dy, y + dy], color=LINE, lw=1.2, zorder=6)
    ax.text(i - 0.24, y, label, ha="right", va="center", fontsize=size, color=COEFFICIENT, zorder=6)


def _box(ax: Axes, i: int, text: str, color: str, size: int) -> None:
    """Centred at (i, -i)."""
    corner, shape = (i - 0.32, -i - 0.24), "round,pad=0,rounding_size=0.08"
    ax.add_patch(FancyBboxPatch(corner, 0.64, 0.48, boxstyle=shape, fc=color, ec=LINE, zorder=4))
    ax.text(i, -i, text, ha="center", va="center", fontsize=size, zorder=5)


def _label(a: sympy.Expr, digits: int) -> str:
    exact = str(a)
    return (exact if len(exact) <= 5 else f"{float(a):.{digits}g}").replace("-", "−")


def draw_tree(tree: trees.Tree, ax: Axes, at: tuple[float, float] = (0.0, 0.0), scale: float = 1.0) -> None:
    """Draw a rooted tree upwards from its root, which is a ring and stands at the point ``at``.

    Nodes are ``scale`` apart in height and leaves ``scale`` apart in width, in the units of the axes
    (Butcher, *Numerical Methods for ODEs*, section 300).
    """
    positions, edges = trees.layout(tree)
    x, y = (positions * scale + at).T
    for parent, child in edges:
        ax.plot([x[parent], x[child]], [y[parent], y[child]], color="black", linewidth=1.2, zorder=1)
    ax.scatter(x[1:], y[1:], s=16, color="black", zorder=2)
    ax.scatter(x[:1], y[:1], s=22, facecolor="white", edgecolor="black", linewidth=1.2, zorder=2)
