"""The picture of the README and the front page: four branches as four steps of Euler's method and as one of RK4.

python -m odestack.book.wirings book/_static/wirings.svg
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from odestack.methods import catalogue
from odestack.methods.tableau import Tableau

APART, TAP, DROP, RAIL = 124, 50, 52, 96
"""Pixels: between branches, from a branch back to where it taps the state, down to the branch, down to its way back."""
WIDTH, LEFT = 620, 112
SUBSCRIPTS = "₁₂₃₄"
STYLE = """
  svg { --text: #1f2328; --back: #ffffff; --fill: #dceaf7; --mark: #a63603 }
  @media (prefers-color-scheme: dark) { svg { --text: #e6edf3; --back: #16191d; --fill: #1d3a57; --mark: #f0a070 } }
  text { font: 18px system-ui, sans-serif; fill: var(--text); text-anchor: middle; dominant-baseline: central }
  .title { font-weight: 600; text-anchor: start } .scale { font-size: 16px; fill: var(--mark) }
  path { fill: none; stroke: var(--text); stroke-width: 1.6 } .sum { fill: var(--back) } .branch { fill: var(--fill) }
"""


def wirings() -> str:
    """The picture, as SVG that follows the reader's colour scheme."""
    euler, rk4 = catalogue.get("euler"), catalogue.get("rk4")
    parts = [
        *_row("Four steps of Euler’s method: a plain residual network", [euler] * 4, 72),
        *_row("One step of RK4: the same branches, wired anew", [rk4], 240),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 356" role="img">',
            "<title>The same four residual branches, wired as Euler’s method and as RK4</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{WIDTH}" height="356" style="fill: var(--back)"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _row(title: str, methods: list[Tableau], y: int) -> Iterator[str]:
    """One step of each method after the other, the state from left to right at height y."""
    yield f'<text class="title" x="20" y="{y - 42}">{title}</text>'
    yield f'<path d="M45 {y}H{WIDTH - 62}"/>'
    yield _text("xₙ", 28, y)
    first = 0
    for method in methods:
        yield from _step(method, first, y)
        first += method.stages
    yield _text("xₙ₊" + SUBSCRIPTS[len(methods) - 1], WIDTH - 32, y)


def _step(method: Tableau, first: int, y: int) -> Iterator[str]:
    """One step, whose branches come after ``first`` others: each taps the state and may see the branch before it.

    Raises:
        ValueError: a branch sees others than the one before it, which this drawing has no room for.
    """
    last = LEFT + APART * (first + method.stages - 1) + 54
    for i, (row, weight) in enumerate(zip(method.A, method.b, strict=True)):
        x, below = LEFT + APART * (first + i), y + DROP
        if any(a != 0 for a in row[: max(i - 1, 0)]):
            raise ValueError(f"{method.name} is no chain: branch {i + 1} sees others than the one before it")
        yield f'<path d="M{x - TAP} {y}V{below}H{x}V{y + RAIL}"/>'
        if i > 0 and row[i - 1] != 0:
            yield f'<path d="M{x - APART + 24} {below}H{x - TAP}"/>' + _sum(x - TAP, below)
            yield _scale(row[i - 1], x - TAP - 27, below - 14)
        yield _scale(weight, x + 18, y + RAIL - 13)
        yield f'<path class="branch" d="M{x - 24} {below - 17}h48v34h-48z"/>'
        yield _text("f" + SUBSCRIPTS[first + i], x, below)
    yield f'<path d="M{LEFT + APART * first} {y + RAIL}H{last}V{y}"/>' + _sum(last, y)


def _sum(x: int, y: int) -> str:
    return (
        f'<path class="sum" d="M{x - 9} {y}a9 9 0 1 1 18 0a9 9 0 1 1 -18 0"/><path d="M{x - 9} {y}h18M{x} {y - 9}v18"/>'
    )


def _text(text: str, x: int, y: int, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}"{kind}>{text}</text>'


def _scale(coefficient: object, x: int, y: int) -> str:
    """A coefficient beside its line; none for 1."""
    return "" if coefficient == 1 else _text(str(coefficient), x, y, ' class="scale"')


def main() -> None:
    parser = argparse.ArgumentParser(prog="odestack.book.wirings", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="the picture")
    parser.parse_args().out.write_text(wirings(), encoding="utf-8")


if __name__ == "__main__":
    main()
