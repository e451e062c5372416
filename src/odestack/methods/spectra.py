"""Linear problems x' = Mx, known by their eigenvalues, to hold against stability regions."""

import numpy as np

from odestack.methods import stability
from odestack.methods.tableau import Tableau

ROUNDING = 1e-12
"""Growth in one step that still counts as none."""


def heat(n: int = 12) -> np.ndarray:
    """Diffusion on n points with unit spacing, zero at both ends: eigenvalues real, in (-4, 0). Shape (n, n)."""
    return np.diag(np.full(n - 1, 1.0), -1) - 2 * np.eye(n) + np.diag(np.full(n - 1, 1.0), 1)


def transport(n: int = 16, *, upwind: bool = False) -> np.ndarray:
    """Transport round a ring of n points with unit spacing and speed. Shape (n, n).

    Central differences have imaginary eigenvalues in [-i, i]; upwind ones lie on the circle of radius 1 about -1.
    """
    left = np.roll(np.eye(n), -1, axis=1)  # takes the left neighbour
    return left - np.eye(n) if upwind else (left - left.T) / 2


def oscillator(damping: float = 0.1) -> np.ndarray:
    """x'' = -x - 2 damping x' as a system: two eigenvalues on the unit circle if abs(damping) < 1. Shape (2, 2)."""
    return np.array([[0.0, 1.0], [-1.0, -2 * damping]])


def random_branch(n: int = 24, seed: int = 0) -> np.ndarray:
    """Independent normal entries of variance 1/n: eigenvalues fill the unit disc (circular law). Shape (n, n)."""
    return np.random.default_rng(seed).normal(scale=n**-0.5, size=(n, n))


def antisymmetric(n: int = 24, seed: int = 0, damping: float = 0.05) -> np.ndarray:
    """Antisymmetric, from a random branch, minus a little damping: eigenvalues on Re z = -damping. Shape (n, n).

    √2 times the antisymmetric part, so that entries keep their variance, 1/n. The wiring that Haber & Ruthotto (2017)
    propose for networks.
    """
    M = random_branch(n, seed)
    return (M - M.T) / np.sqrt(2) - damping * np.eye(n)


PROBLEMS: dict[str, np.ndarray] = {
    "heat equation": np.linalg.eigvals(heat()),
    "transport, upwind": np.linalg.eigvals(transport(upwind=True)),
    "transport, central": np.linalg.eigvals(transport()),
    "damped oscillator": np.linalg.eigvals(oscillator()),
    "random matrix": np.linalg.eigvals(random_branch()),
    "antisymmetric, damped": np.linalg.eigvals(antisymmetric()),
}
"""Eigenvalues, complex or real, by the name of the problem."""


def growth(tableau: Tableau, eigenvalues: np.ndarray, h: float) -> np.ndarray:
    """abs(R(h λ)) for each eigenvalue, same shape."""
    return np.abs(stability.amplification(tableau, h * eigenvalues))


def amplified(tableau: Tableau, eigenvalues: np.ndarray, h: float) -> np.ndarray:
    """Which components a step enlarges by more than ``ROUNDING``, same shape as the eigenvalues."""
    return growth(tableau, eigenvalues, h) > 1 + ROUNDING


def longest_step(tableau: Tableau, eigenvalues: np.ndarray, limit: float = 12.0, resolution: float = 0.002) -> float:
    """Up to which h a method enlarges no component that the exact solution does not enlarge.

    Steps are tried in multiples of the resolution, up to the limit; 0 if already the first one fails.
    """
    bounded = eigenvalues[np.real(eigenvalues) <= ROUNDING]
    steps = np.arange(1, round(limit / resolution) + 1) * resolution
    fails = amplified(tableau, steps[:, None] * bounded[None, :], 1.0).any(axis=1)
    first = int(fails.argmax()) if fails.any() else len(steps)
    return float(first * resolution)
