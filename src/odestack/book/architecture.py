"""How the package hangs together, read from the import statements of its source; nothing of it is run."""

import ast
from collections import Counter
from pathlib import Path

import networkx as nx
import pandas as pd
from matplotlib.axes import Axes

from odestack.book.publish import SOURCE, imported


def modules(package: Path = SOURCE / "odestack") -> pd.DataFrame:
    """One row a module: part, name, its first sentence, and the other parts that it imports, as a set.

    A part is what stands directly below the package: a folder, or a module of its own.
    """
    rows = []
    for path in sorted(package.rglob("*.py")):
        code, names = path.read_text(encoding="utf-8"), path.relative_to(package.parent).with_suffix("").parts
        if names[1:] == ("__init__",):
            continue
        found = imported(code, ".".join(names[:-1]))
        used = {name.split(".")[1] for name in found if name.startswith(f"{package.name}.")}
        sentence = " ".join((ast.get_docstring(ast.parse(code)) or "").split("\n\n")[0].split())
        name = ".".join(name for name in names if name != "__init__")
        rows.append({"part": names[1], "module": name, "sentence": sentence, "imports": used - {names[1]}})
    return pd.DataFrame(rows)


def graph(table: pd.DataFrame) -> nx.DiGraph:
    """An edge from each part to each that it imports, with how many of its modules do as its weight.

    Raises:
        ValueError: parts import each other in a circle.
    """
    parts = nx.DiGraph()
    parts.add_nodes_from(sorted(table["part"].unique()))
    pairs = Counter((part, used) for part, uses in zip(table["part"], table["imports"], strict=True) for used in uses)
    parts.add_weighted_edges_from((*pair, count) for pair, count in pairs.items())
    if not nx.is_directed_acyclic_graph(parts):
        circle = [part for part, _ in nx.find_cycle(parts)]
        raise ValueError(f"parts import each other in a circle: {' -> '.join([*circle, circle[0]])}")
    return parts


def places(parts: nx.DiGraph) -> dict[str, tuple[int, int]]:
    """Column and level of each part: one level above the highest that it imports, the most used one first."""
    found: dict[str, tuple[int, int]] = {}
    for level, generation in enumerate(nx.topological_generations(parts.reverse())):
        used = sorted(generation, key=lambda part: (-len(nx.ancestors(parts, part)), part))
        found |= {part: (column, level) for column, part in enumerate(used)}
    return found


def draw(table: pd.DataFrame, ax: Axes) -> None:
    """The parts, each above all that it imports, without the arrows that follow from others."""
    parts = graph(table)
    where, sizes = places(parts), Counter(table["part"])
    boxes = {}
    for part, (column, level) in where.items():
        count = f"{sizes[part]} module{'s' if sizes[part] > 1 else ''}"
        box = {"boxstyle": "round,pad=0.5", "facecolor": "#E8F1F8", "edgecolor": "#0072B2"}
        text = ax.text(column, level, f"{part}\n{count}", ha="center", va="center", fontsize=10, bbox=box)
        boxes[part] = text.get_bbox_patch()
    for user, used in nx.transitive_reduction(parts).edges:
        (x, y), (column, level) = where[user], where[used]
        bow = 0.35 if x == column and y - level > 1 else 0
        style = {"arrowstyle": "-|>", "color": "#444444", "connectionstyle": f"arc3,rad={-bow}"}
        ends = {"patchA": boxes[user], "patchB": boxes[used]}
        ax.annotate("", (column, level), (x, y), arrowprops=style | ends)
    columns, levels = zip(*where.values(), strict=True)
    ax.set(xlim=(-0.6, max(columns) + 0.8), ylim=(-0.6, max(levels) + 0.6))
    ax.axis("off")


def uses(table: pd.DataFrame) -> dict[str, str]:
    """Each part, from the highest down, with the parts that it imports and, in brackets, by how many of its modules."""
    parts = graph(table)
    where = places(parts)
    order = sorted(parts, key=lambda part: (-where[part][1], where[part][0]))
    return {
        user: ", ".join(f"{used} ({parts[user][used]['weight']})" for used in order if used in parts[user])
        for user in order
    }
