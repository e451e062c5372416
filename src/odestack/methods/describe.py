"""Methods in plain text, for the terminal."""

from collections.abc import Iterable

import sympy

from odestack.methods import stability, trees
from odestack.methods.tableau import Tableau


def table(methods: Iterable[Tableau]) -> str:
    """One line a method: stages, order, embedded order, real and imaginary stability interval."""
    lines = [f"{'method':<16} {'stages':>6} {'order':>5} {'embedded':>8} {'real':>8} {'imaginary':>9}"]
    for method in methods:
        embedded = "–" if method.embedded_order is None else str(method.embedded_order)
        lines.append(
            f"{method.name:<16} {method.stages:>6} {method.order:>5} {embedded:>8} "
            f"{stability.real_interval(method):>8.4f} {stability.imaginary_interval(method):>9.4f}"
        )
    return "\n".join(lines)


def method(tableau: Tableau) -> str:
    """One method: its table line, tableau, and the order conditions up to the first order that fails."""
    lines = [table([tableau]), "", *_tableau(tableau), "", "order conditions"]
    for order in range(1, tableau.order + 2):
        for tree, residual in trees.residuals(order, tableau.A, tableau.b).items():
            verdict = "holds" if residual == 0 else f"fails by {residual}"
            lines.append(f"  order {order}: {trees.condition(tree)}   {verdict}")
    used, total = len(tableau.used_stages), tableau.stages
    note = "" if used == total else f" (the step does not use the other {total - used})"
    lines += ["", f"A network block of this method has {used} branches{note}."]
    return "\n".join(lines)


def _tableau(tableau: Tableau) -> list[str]:
    """Aligned rows c | A, then b and b_hat under a rule."""
    weights = [("b", tableau.b)] + ([] if tableau.b_hat is None else [("b_hat", tableau.b_hat)])
    rows = [(str(c), _texts(row[:i])) for i, (c, row) in enumerate(zip(tableau.c, tableau.A, strict=True))]
    foot = [(label, _texts(entries)) for label, entries in weights]
    left = max(len(label) for label, _ in rows + foot)
    widths = [max(len(cells[j]) for _, cells in rows + foot if j < len(cells)) for j in range(tableau.stages)]

    def line(label: str, cells: list[str]) -> str:
        return f"{label:>{left}} | " + "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False))

    rule = "-" * (left + 1) + "+" + "-" * (sum(widths) + 2 * len(widths))
    return [line(*row).rstrip() for row in rows] + [rule] + [line(*row) for row in foot]


def _texts(entries: Iterable[sympy.Expr]) -> list[str]:
    return [str(entry) for entry in entries]
