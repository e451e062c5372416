"""Random explicit tableaux."""

from fractions import Fraction

import sympy
from hypothesis import strategies as st

from odestack.methods.tableau import Tableau


@st.composite
def tableaux(draw: st.DrawFn, max_stages: int = 4) -> Tableau:
    """Explicit, with at least one used stage; many entries are zero, none is small beside float64."""
    entry = st.one_of(st.just(Fraction(0)), st.fractions(min_value=-200, max_value=200, max_denominator=12))
    s = draw(st.integers(1, max_stages))
    A = tuple(tuple(_sympy(draw(entry)) for _ in range(i)) for i in range(s))
    b = draw(st.lists(entry, min_size=s, max_size=s).filter(any))
    return Tableau("random", A, tuple(_sympy(weight) for weight in b))


def _sympy(value: Fraction) -> sympy.Expr:
    return sympy.Rational(value.numerator, value.denominator)
