"""Drawings made from the exact objects: what is drawn is what is computed."""

from matplotlib.axes import Axes

from odestack.methods import trees


def draw_tree(
    tree: trees.Tree, ax: Axes, at: tuple[float, float] = (0.0, 0.0), scale: float = 1.0, color: str = "black"
) -> None:
    """Draw a rooted tree upwards from its root, which is a ring and stands at the point ``at``.

    Nodes are ``scale`` apart in height and leaves ``scale`` apart in width, in the units of the axes (Butcher,
    *Numerical Methods for ODEs*, section 300).
    """
    positions, edges = trees.layout(tree)
    x, y = (positions * scale + at).T
    for parent, child in edges:
        ax.plot([x[parent], x[child]], [y[parent], y[child]], color=color, linewidth=1.2, zorder=1)
    ax.scatter(x[1:], y[1:], s=16, color=color, zorder=2)
    ax.scatter(x[:1], y[:1], s=22, facecolor="white", edgecolor=color, linewidth=1.2, zorder=2)
