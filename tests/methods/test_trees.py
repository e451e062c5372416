"""Rooted trees, elementary weights and order conditions."""

import itertools
import math
import time

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from odestack.methods import catalogue, trees
from odestack.methods.exact import exact

ORDERS = {  # as published, (b, embedded)
    "euler": (1, None),
    "midpoint": (2, None),
    "heun2": (2, None),
    "ralston2": (2, None),
    "heun3": (3, None),
    "kutta3": (3, None),
    "rk4": (4, None),
    "three_eighths": (4, None),
    "gill4": (4, None),
    "kutta_nystrom5": (5, None),
    "huta6": (6, None),
    "fehlberg45": (5, 4),
    "dormand_prince5": (5, 4),
    "cooper_verner8": (8, None),
}


def test_numbers_of_trees() -> None:
    assert [len(trees.of_order(n)) for n in range(1, 10)] == [1, 1, 2, 4, 9, 20, 48, 115, 286]
    assert all(trees.size(tree) == 7 for tree in trees.of_order(7))


@pytest.mark.parametrize("n", range(1, 9))
def test_monotonic_labellings_number_factorial(n: int) -> None:
    """n!/(sigma gamma) monotonic labellings of a tree make (n - 1)! for all trees of n nodes together."""
    labellings = [sympy.Rational(math.factorial(n), trees.symmetry(t) * trees.density(t)) for t in trees.of_order(n)]
    assert all(count.is_integer for count in labellings)
    assert sum(labellings) == math.factorial(n - 1)


def test_order_conditions_of_the_textbook() -> None:
    """The eight conditions for order 4 (Hairer, Nørsett & Wanner, II.1 and II.2)."""
    words = [trees.condition(tree) for n in range(1, 5) for tree in trees.of_order(n)]
    assert words == [
        "b·1 = 1",
        "b·c = 1/2",
        "b·c^2 = 1/3",
        "b·A c = 1/6",
        "b·c^3 = 1/4",
        "b·(c (A c)) = 1/8",
        "b·A c^2 = 1/12",
        "b·A A c = 1/24",
    ]
    assert trees.condition_latex(trees.tall(4)) == (r"\sum_{i,j,k} b_{i} a_{ij} a_{jk} c_{k} = \frac{1}{24}")
    assert trees.condition_latex((((),), ((),))) == (r"\sum_{i,j,k} b_{i} a_{ij} c_{j} a_{ik} c_{k} = \frac{1}{20}")


def test_no_tree_is_empty() -> None:
    with pytest.raises(ValueError, match="at least 1 node"):
        trees.of_order(0)


def test_every_method_has_a_published_order() -> None:
    assert set(ORDERS) <= set(catalogue.names())


@pytest.mark.parametrize("name", catalogue.names())
def test_order_is_exact_to_p_and_fails_at_the_next(name: str) -> None:
    method = catalogue.get(name)
    for weights, p in ((method.b, method.order), (method.b_hat, method.embedded_order)):
        if weights is None or p is None:
            continue
        for n in range(1, p + 1):
            assert all(r == 0 for r in trees.residuals(n, method.A, weights).values())
        assert any(r != 0 for r in trees.residuals(p + 1, method.A, weights).values())
    if name in ORDERS:
        assert (method.order, method.embedded_order) == ORDERS[name]


def test_orders_are_found_quickly() -> None:
    """Each search runs anew: neither the trees nor the order are cached from another test."""
    trees.of_order.cache_clear()
    started = time.perf_counter()
    method = catalogue.get("cooper_verner8")
    assert trees.order(method.A, method.b) == 8
    eighth = time.perf_counter() - started
    for name in ORDERS.keys() - {"cooper_verner8"}:
        method = catalogue.get(name)
        assert trees.order(method.A, method.b) == ORDERS[name][0]
    assert eighth < 20
    assert time.perf_counter() - started - eighth < 3


def test_principal_error_of_rk4() -> None:
    method = catalogue.get("rk4")
    assert trees.principal_error(method.A, method.b) == sympy.sqrt(1745) / 2880


def test_order_to_rounding_forgives_only_the_stated_amount() -> None:
    A = [["0", "0"], ["0.6667", "0"]]
    entries = [[sympy.Rational(a) for a in row] for row in A]
    b = [sympy.Rational("0.25"), sympy.Rational("0.75")]
    assert trees.order(entries, b) == 1
    assert trees.order_to_rounding(entries, b, 1e-3) == 2
    assert trees.order_to_rounding(entries, b, 1e-6) == 1


@pytest.mark.parametrize("tree", trees.of_order(6))
def test_layout_places_each_node_once(tree: trees.Tree) -> None:
    positions, edges = trees.layout(tree)
    assert positions.shape == (6, 2)
    assert len({tuple(p) for p in positions}) == 6
    assert tuple(positions[0]) == (0, 0)
    assert sorted(child for _, child in edges) == [1, 2, 3, 4, 5]
    assert all(positions[child, 1] == positions[parent, 1] + 1 for parent, child in edges)


RATIONALS = st.fractions(min_value=-3, max_value=3, max_denominator=6).map(exact)
ZERO = exact(0)


@st.composite
def explicit_methods(draw: st.DrawFn) -> tuple[list[list[sympy.Expr]], list[sympy.Expr]]:
    s = draw(st.integers(1, 4))
    A = [[draw(RATIONALS) if j < i else ZERO for j in range(s)] for i in range(s)]
    return A, [draw(RATIONALS) for _ in range(s)]


def times(p: list[sympy.Expr], q: list[sympy.Expr]) -> list[sympy.Expr]:
    """Product of two power series in h, cut off at the same power."""
    return [sum((p[i] * q[n - i] for i in range(n + 1)), ZERO) for n in range(len(p))]


@settings(max_examples=25, deadline=None)
@given(explicit_methods(), st.lists(st.integers(-3, 3), min_size=5, max_size=5))
def test_trees_reproduce_the_taylor_series_of_a_step(method, derivatives: list[int]) -> None:
    """B-series (Hairer, Nørsett & Wanner, II.12): h^n has the coefficient sum of Phi(t) F(t) / sigma(t).

    The step is computed without trees, as power series in h, for the scalar f with these derivatives. F(t) is
    a product over the nodes of f's derivative of that many children.
    """
    A, b = method
    highest = 5
    zero = [ZERO] * (highest + 1)

    def f(increment: list[sympy.Expr]) -> list[sympy.Expr]:
        total, power = list(zero), [exact(1), *zero[1:]]
        for m, derivative in enumerate(derivatives):
            total = [x + derivative * y / math.factorial(m) for x, y in zip(total, power, strict=True)]
            power = times(power, increment)
        return total

    def increment(weights: list[sympy.Expr], slopes: list[list[sympy.Expr]]) -> list[sympy.Expr]:
        """h times the weighted sum of the slopes."""
        combined = [sum((w * k[n] for w, k in zip(weights, slopes, strict=False)), zero[0]) for n in range(highest)]
        return [zero[0], *combined]

    slopes: list[list[sympy.Expr]] = []
    for row in A:
        slopes.append(f(increment(row, slopes)))
    step = increment(b, slopes)

    def differential(tree: trees.Tree) -> int:
        return derivatives[len(tree)] * math.prod(differential(child) for child in tree)

    for n in range(1, highest + 1):
        weights = trees.elementary_weights(trees.of_order(n), A, b)
        series = sum(w * differential(t) / trees.symmetry(t) for w, t in zip(weights, trees.of_order(n), strict=True))
        assert step[n] == series


@settings(max_examples=30, deadline=None)
@given(explicit_methods(), st.sampled_from([tree for n in range(1, 6) for tree in trees.of_order(n)]))
def test_elementary_weight_is_the_nested_sum(method, tree: trees.Tree) -> None:
    """Phi(t) by its definition: the sum over all ways to number every node with a stage."""
    A, b = method
    _, edges = trees.layout(tree)
    expected = sum(
        b[stage[0]] * math.prod(A[stage[parent]][stage[child]] for parent, child in edges)
        for stage in itertools.product(range(len(b)), repeat=trees.size(tree))
    )
    assert trees.elementary_weights([tree], A, b) == [expected]


@settings(max_examples=50, deadline=None)
@given(explicit_methods())
def test_order_is_at_most_the_number_of_stages(method) -> None:
    A, b = method
    assert trees.order(A, b) <= len(b)
    assert (trees.order(A, b) >= 1) == (sum(b) == 1)


@settings(max_examples=30, deadline=None)
@given(explicit_methods(), st.sampled_from(catalogue.names()[:9]))
def test_unused_stages_leave_the_order(method, name: str) -> None:
    """A stage that nothing uses, put in front or behind, changes nothing."""
    known = catalogue.get(name)
    for A, b in (method, (known.A, known.b)):
        behind = [[*row, ZERO] for row in A] + [[*b, ZERO]]
        assert trees.order(behind, [*b, ZERO]) == trees.order(A, b)
        front = [[ZERO] * (len(b) + 1)] + [[ZERO, *row] for row in A]
        assert trees.order(front, [ZERO, *b]) == trees.order(A, b)
