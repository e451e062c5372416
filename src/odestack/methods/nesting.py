r"""Blocks of blocks: methods whose f is itself the increment of a method.

Where a block evaluates its branch f, a nested block evaluates the increment Phi(x) - x of an inner step. Written out,
that is again an explicit Runge-Kutta method, so nesting needs no network class of its own: the ordinary block of the
nested tableau computes it. With outer coefficients A, b, inner ones A', b', and all inner stages of outer stage 1
first,

.. math:: A_{nested} = A \otimes (\mathbb{1}\, b'^T) + I \otimes A', \qquad b_{nested} = b \otimes b'.

(In a network this holds without a ReLU after the inner additions.) Nesting does not raise the order. The outer method
solves y' = (Phi(y) - y) / h with step h. On y' = lambda y the right-hand side becomes ((R_inner(z) - 1) / h) y in place
of (z / h) y, so the stability function is R_outer(R_inner(z) - 1), and for outer and inner methods of order 2 and more
it agrees with e^z to order 1 only.
"""

from collections.abc import Sequence
from itertools import product

from odestack.methods.tableau import Tableau


def nested(outer: Tableau, inner: Tableau, name: str | None = None) -> Tableau:
    """The outer method with the increments of the inner method as its f; outer stages times inner stages.

    The step size of the nested method is that of the inner steps; the outer step is 1, in units of increments.
    With Euler's method as either of the two it is the other one.

    Args:
        outer: combines increments.
        inner: makes them. To let several inner steps make an increment, give ``repeated(inner, n)``.
        name: of the result; by default "outer-of-inner".
    """
    stages = list(product(range(outer.stages), range(inner.stages)))
    A = [
        [outer.A[i][m] * inner.b[n] + (inner.A[j][n] if i == m else 0) for m, n in stages[:row]]
        for row, (i, j) in enumerate(stages)
    ]
    b = [outer.b[i] * inner.b[j] for i, j in stages]
    return _tableau(name or f"{outer.name}-of-{inner.name}", A, b)


def repeated(method: Tableau, n: int, name: str | None = None) -> Tableau:
    """n steps of the method, each of size 1, as one tableau: b sums to n times what it did.

    It is nesting too: Euler's method n times in a row, with the method's increments.

    Raises:
        ValueError: n is below 1.
    """
    if n < 1:
        raise ValueError(f"n is {n}, but a method is repeated at least once")
    eulers = _tableau("eulers", [[1] * i for i in range(n)], [1] * n)
    return nested(eulers, method, name or f"{n}-{method.name}")


def _tableau(name: str, A: Sequence[Sequence[object]], b: Sequence[object]) -> Tableau:
    """Tableau reads any exact numbers; its fields are typed as what it makes of them."""
    return Tableau(name, A, b)  # type: ignore[arg-type]
