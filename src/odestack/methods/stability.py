"""Linear stability of one-step methods on y' = λy (Hairer & Wanner, *Solving ODEs II*, IV.2)."""

import math

import numpy as np
import sympy

from odestack.methods import trees
from odestack.methods.tableau import Tableau


def stability_function(tableau: Tableau) -> tuple[sympy.Expr, ...]:
    """Exact coefficients of R(z) = 1 + sum over k of b A^(k-1) 1 z^k, lowest power first, s + 1 of them.

    One step of size h on y' = λy multiplies y by R(hλ).
    """
    path_trees = [trees.tall(k) for k in range(1, tableau.stages + 1)]
    return (sympy.Integer(1), *trees.elementary_weights(path_trees, tableau.A, tableau.b))


def amplification(tableau: Tableau, z: np.ndarray) -> np.ndarray:
    """R(z) at each entry of a real or complex array, same shape."""
    coefficients = np.array(stability_function(tableau), dtype=object).astype(np.float64)
    return np.polynomial.polynomial.polyval(z, coefficients)


def real_interval(tableau: Tableau) -> float:
    """Largest x such that abs(R) <= 1 on all of [-x, 0]; 2 for Euler."""
    return _interval_of_stability(tableau, sympy.Integer(-1))


def imaginary_interval(tableau: Tableau) -> float:
    """Largest y such that abs(R) <= 1 on all of [-iy, iy]; 0 for Euler, 2√2 for RK4."""
    return _interval_of_stability(tableau, sympy.I)


def complex_grid(real: tuple[float, float], imaginary: tuple[float, float], n: int = 400) -> np.ndarray:
    """An (n, n) array of complex points; rows have equal imaginary part, both parts ascend."""
    x, y = np.linspace(*real, n), np.linspace(*imaginary, n)
    return x[None, :] + 1j * y[:, None]


def region(tableau: Tableau, z: np.ndarray) -> np.ndarray:
    """abs(R(z)), same shape as z: the stability region is where it is at most 1."""
    return np.abs(amplification(tableau, z))


def order_star(tableau: Tableau, z: np.ndarray) -> np.ndarray:
    """abs(R(z) exp(-z)), same shape as z (Wanner, Hairer & Nørsett 1978).

    Where it exceeds 1 the method grows faster than the solution; p + 1 such sectors meet at the origin.
    """
    return np.abs(amplification(tableau, z) * np.exp(-z))


def _interval_of_stability(tableau: Tableau, direction: sympy.Expr) -> float:
    """Where abs(R(x direction))^2 - 1 first becomes positive for x > 0.

    Its lowest coefficients must vanish exactly, and it may touch zero without crossing (Chebyshev methods
    do), so it is first reduced, exactly, to a polynomial with the same signs and only simple roots.
    """
    x = sympy.Symbol("x", real=True)
    R = sum(c * (direction * x) ** k for k, c in enumerate(stability_function(tableau)))
    real, imaginary = sympy.expand(R).as_real_imag()
    excess = sympy.Poly(sympy.expand(real**2 + imaginary**2 - 1), x, extension=True)
    if excess.is_zero:
        return math.inf
    scale, factors = excess.sqf_list()
    simple = math.prod((factor for factor, multiplicity in factors if multiplicity % 2), start=sympy.Poly(scale, x))
    (lowest,), _ = simple.terms()[-1]
    coefficients = [float(c) for c in simple.all_coeffs()]
    growth = np.polynomial.Polynomial(coefficients[::-1][lowest:])
    if growth(0) > 0:
        return 0.0
    roots = growth.roots()
    crossings = roots[np.isreal(roots) & (roots.real > 0)].real
    return float(min(crossings, default=math.inf))
