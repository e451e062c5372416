r"""Rooted trees and the order conditions of Runge-Kutta methods.

Butcher, *Numerical Methods for ODEs* (2016), chapter 3; Hairer, Nørsett & Wanner, *Solving ODEs I*, II.2.

A tree is the sorted tuple of the subtrees that hang from its root: ``()`` is the single node, ``((), ())`` a
root with two leaves. A method has order p exactly when, for every tree t of at most p nodes,

.. math:: \Phi(t) = \sum_i b_i u_i(t) = 1 / \gamma(t), \qquad
          u_i([t_1, \dots, t_m]) = \prod_{l=1}^m \sum_j a_{ij} u_j(t_l)
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import count
from typing import Any, TypeAlias

import numpy as np
import sympy
from sympy.polys.constructor import construct_domain

Tree: TypeAlias = "tuple[Tree, ...]"
Matrix: TypeAlias = Sequence[Sequence[sympy.Expr]]
Vector: TypeAlias = Sequence[sympy.Expr]

LEAF: Tree = ()


@cache
def of_order(n: int) -> tuple[Tree, ...]:
    """All rooted trees with n >= 1 nodes, bushy ones first: 1, 1, 2, 4, 9, 20, 48, 115, 286, ... of them."""
    if n < 1:
        raise ValueError(f"a rooted tree has at least 1 node, not {n}")
    if n == 1:
        return (LEAF,)
    return tuple(sorted({larger for tree in of_order(n - 1) for larger in _grafts(tree)}))


def _grafts(tree: Tree) -> Iterator[Tree]:
    """Every tree that arises from hanging one more leaf on a node of this one."""
    yield tuple(sorted((*tree, LEAF)))
    for i, child in enumerate(tree):
        for larger in _grafts(child):
            yield tuple(sorted((*tree[:i], larger, *tree[i + 1 :])))


@cache
def size(tree: Tree) -> int:
    """Number of nodes, called the order of the tree."""
    return 1 + sum(size(child) for child in tree)


@cache
def density(tree: Tree) -> int:
    """gamma(t): the size of the tree times the densities of its subtrees (Hairer, Nørsett & Wanner, II.2)."""
    return size(tree) * math.prod(density(child) for child in tree)


@cache
def symmetry(tree: Tree) -> int:
    """sigma(t): the order of the tree's automorphism group (Butcher 2016, section 304)."""
    return math.prod(math.factorial(m) * symmetry(child) ** m for child, m in Counter(tree).items())


def tall(n: int) -> Tree:
    """The path of n >= 1 nodes, each with one child.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"n is {n}; a tree has at least one node")
    return LEAF if n == 1 else (tall(n - 1),)


def elementary_weights(trees: Iterable[Tree], A: Matrix, b: Vector) -> list[sympy.Expr]:
    """Exact elementary weight Phi(t) of each tree, for a method with A of shape (s, s) and b (s,)."""
    field, A_, b_ = _in_one_field(A, b)
    weight = _weight(A_, b_, field.one)
    return [field.to_sympy(weight(tree)) for tree in trees]


def residuals(n: int, A: Matrix, b: Vector) -> dict[Tree, sympy.Expr]:
    """Exact residual Phi(t) - 1/gamma(t) of each tree with n nodes; all zero: order-n conditions hold."""
    weights = elementary_weights(of_order(n), A, b)
    pairs = zip(of_order(n), weights, strict=True)
    return {tree: sympy.expand(weight - sympy.Rational(1, density(tree))) for tree, weight in pairs}


def order(A: Matrix, b: Vector) -> int:
    """Largest p such that every order condition up to p holds exactly; 0 if the weights do not sum to one.

    The method must be explicit: its s stages then bound the order by s, so the search ends.
    """
    field, A_, b_ = _in_one_field(A, b)
    weight = _weight(A_, b_, field.one)
    return _order(lambda tree: weight(tree) * density(tree) == field.one)


def order_to_rounding(A: Matrix, b: Vector, tolerance: float) -> int:
    """As ``order``, for rounded entries: a condition holds when abs(gamma(t) Phi(t) - 1) <= ``tolerance``.

    Writing 0.3333 for 1/3 makes the exact order drop, but not this one.
    """
    weight = _weight([[float(a) for a in row] for row in A], [float(x) for x in b], 1.0)
    return _order(lambda tree: abs(weight(tree) * density(tree) - 1) <= tolerance)


def principal_error(A: Matrix, b: Vector) -> sympy.Expr:
    """Exact norm of the leading error coefficients of a method of order p (Hairer, Nørsett & Wanner, II.3).

    The 2-norm over the trees t of p + 1 nodes of (Phi(t) - 1/gamma(t)) / sigma(t).
    """
    leading = residuals(order(A, b) + 1, A, b)
    squares = (sympy.expand((r / symmetry(tree)) ** 2) for tree, r in leading.items())
    return sympy.sqrt(sympy.Add(*squares))


def condition(tree: Tree) -> str:
    """The order condition in vectors, such as ``b·(c (A c)) = 1/8``; c = A 1, products are elementwise."""

    def stage(tree: Tree) -> str:
        leaves = tree.count(LEAF)
        powers = [] if leaves == 0 else ["c" if leaves == 1 else f"c^{leaves}"]
        factors = powers + [f"A {stage(child)}" for child in tree if child]
        if len(factors) == 1:
            return factors[0]
        return f"({' '.join(f'({factor})' if ' ' in factor else factor for factor in factors)})"

    return f"b·{stage(tree)} = 1/{density(tree)}" if tree else "b·1 = 1"


def condition_latex(tree: Tree) -> str:
    r"""The order condition with indices, as in the books: ``\sum_{i,j} b_{i} a_{ij} c_{j} = \frac{1}{6}``."""
    used: list[str] = []

    def factors(tree: Tree) -> str:
        i = "ijklmnpqrstuvw"[len(used)]
        used.append(i)
        leaves = tree.count(LEAF)
        text = "" if leaves == 0 else f" c_{{{i}}}" if leaves == 1 else f" c_{{{i}}}^{{{leaves}}}"
        for child in filter(None, tree):
            j = len(used)
            rest = factors(child)
            text += f" a_{{{i}{used[j]}}}{rest}"
        return text

    body = factors(tree)
    return rf"\sum_{{{','.join(used)}}} b_{{i}}{body} = {sympy.latex(sympy.Rational(1, density(tree)))}"


def layout(tree: Tree) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Where to draw the nodes: positions of shape (nodes, 2), root first, and edges (parent, child).

    Height is the distance from the root. Leaves are one unit apart, a parent stands midway between its outer
    children, and the root is at x = 0.
    """
    points: list[tuple[float, float]] = []
    edges: list[tuple[int, int]] = []
    next_leaf = count()

    def place(tree: Tree, height: int) -> int:
        index = len(points)
        points.append((0.0, height))
        children = [place(child, height + 1) for child in tree]
        x = (points[children[0]][0] + points[children[-1]][0]) / 2 if children else float(next(next_leaf))
        points[index] = (x, height)
        edges.extend((index, child) for child in children)
        return index

    place(tree, 0)
    positions = np.array(points)
    positions[:, 0] -= positions[0, 0]
    return positions, edges


def _order(holds: Callable[[Tree], bool]) -> int:
    return next(p for p in count() if not all(map(holds, of_order(p + 1))))


def _weight(A: Sequence[Sequence[Any]], b: Sequence[Any], one: Any) -> Callable[[Tree], Any]:
    """The elementary weight as a function of the tree, in the entries' arithmetic; subtrees are shared."""

    def dot(x: Sequence[Any], y: Sequence[Any]) -> Any:
        return sum((p * q for p, q in zip(x, y, strict=True) if p), one - one)

    def stages(tree: Tree) -> list[Any]:
        columns = zip(*map(slopes, tree), strict=True) if tree else [()] * len(b)
        return [math.prod(column, start=one) for column in columns]

    @cache
    def slopes(tree: Tree) -> list[Any]:
        u = stages(tree)
        return [dot(row, u) for row in A]

    return lambda tree: dot(b, stages(tree))


def _in_one_field(A: Matrix, b: Vector) -> tuple[Any, list[list[Any]], list[Any]]:
    """The entries as elements of one exact field: the rationals, extended by surds where needed."""
    s = len(b)
    field, elements = construct_domain([*(a for row in A for a in row), *b], field=True, extension=True)
    return field, [list(elements[i * s : (i + 1) * s]) for i in range(s)], list(elements[s * s :])
