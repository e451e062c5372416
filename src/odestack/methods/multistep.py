r"""Linear multistep methods with exact coefficients (Hairer, Nørsett & Wanner, *Solving ODEs I*, III.1-3).

.. math:: \sum_{j=0}^k \alpha_j x_{n+j} = h \sum_{j=0}^k \beta_j f(t_{n+j}, x_{n+j})
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import ArrayLike

from odestack.methods.exact import exact
from odestack.methods.integrate import RightHandSide

Coefficients = tuple[sympy.Expr, ...]


class MultistepError(ValueError):
    """Coefficients that are not a linear multistep method."""


@dataclass(frozen=True)
class MultistepMethod:
    """A k-step method, given by its k + 1 coefficients alpha_0 ... alpha_k and beta_0 ... beta_k.

    Args:
        name: what figures and tables call it.
        alpha: weights of the states, oldest first; the last is not zero.
        beta: weights of the slopes, oldest first; the last is zero for an explicit method.
        source: citation key in ``book/references.bib``.

    Raises:
        MultistepError: an entry is not an exact number, the lengths differ, alpha_k = 0, or all of beta is 0.
    """

    name: str
    alpha: Coefficients = field(repr=False)
    beta: Coefficients = field(repr=False)
    source: str = ""

    def __post_init__(self) -> None:
        for label in ("alpha", "beta"):
            try:
                numbers = tuple(exact(x) for x in getattr(self, label))
            except (TypeError, ValueError) as error:
                raise MultistepError(f"{self.name}: {label}: {error}") from None
            object.__setattr__(self, label, numbers)
        if len(self.alpha) != len(self.beta) or len(self.alpha) < 2:
            raise MultistepError(
                f"{self.name}: alpha has {len(self.alpha)} coefficients and beta {len(self.beta)}, "
                "but a k-step method has k + 1 of each, k >= 1"
            )
        if self.alpha[-1] == 0:
            raise MultistepError(f"{self.name}: the last alpha is 0, so the method gives no new state")
        if all(x == 0 for x in self.beta):
            raise MultistepError(f"{self.name}: every beta is 0, so the method ignores f")

    @property
    def steps(self) -> int:
        return len(self.alpha) - 1

    @property
    def explicit(self) -> bool:
        return self.beta[-1] == 0

    @cached_property
    def order(self) -> int:
        """Largest p with C_0 = ... = C_p = 0 (see ``defect``); 0 if the method is not consistent."""
        if self.defect(0) != 0:
            return 0
        q = 1
        while self.defect(q) == 0:
            q += 1
        return q - 1

    @property
    def error_constant(self) -> sympy.Expr:
        """C_(p+1) / sigma(1) for a method of order p >= 1 (III.2), free of normalisation.

        Raises:
            MultistepError: the method is not consistent, or sigma(1) = 0 (then it is not zero-stable either).
        """
        if self.order == 0 or sum(self.beta) == 0:
            raise MultistepError(f"{self.name} has no error constant: it must be consistent with sigma(1) != 0")
        return exact(self.defect(self.order + 1) / sympy.Add(*self.beta))

    @cached_property
    def zero_stable(self) -> bool:
        """The root condition, that the roots of sum alpha_j z^j lie in the unit disc, those on the circle simple.

        Decided exactly, by the Schur-Cohn recursion for simple von Neumann polynomials (Miller 1971).
        """
        return _is_simple_von_neumann(self.alpha)

    def defect(self, q: int) -> sympy.Expr:
        """C_q = sum_j (alpha_j j^q / q! - beta_j j^(q-1) / (q-1)!), exact (III.2)."""
        states = sum(a * j**q for j, a in enumerate(self.alpha)) / sympy.factorial(q)
        if q == 0:
            return exact(states)
        slopes = sum(b * j ** (q - 1) for j, b in enumerate(self.beta)) / sympy.factorial(q - 1)
        return exact(states - slopes)

    def floats(self) -> tuple[np.ndarray, np.ndarray]:
        """alpha and beta in float64, shape (k + 1,) each, oldest first."""
        alpha, beta = (np.array(x, dtype=object).astype(np.float64) for x in (self.alpha, self.beta))
        return alpha, beta

    def latex(self) -> str:
        """The recursion as a LaTeX equation, newest state first."""

        def combination(coefficients: Coefficients, symbol: str) -> str:
            terms = [
                sympy.Mul(a, sympy.Symbol(f"{symbol}_{{n+{j}}}" if j else f"{symbol}_n", commutative=False))
                for j, a in enumerate(coefficients)
                if a != 0
            ]
            return sympy.latex(sympy.Add(*terms[::-1], evaluate=False), order="none")

        return rf"{combination(self.alpha, 'x')} = h \left( {combination(self.beta, 'f')} \right)"


def adams_bashforth(k: int) -> MultistepMethod:
    """The explicit k-step Adams method of order k, its beta solved from the order conditions (III.1)."""
    alpha = [0] * (k - 1) + [-1, 1]
    unknowns = sympy.symbols(f"beta:{_positive(k)}")
    beta = _solve_order_conditions(alpha, [*unknowns, 0], unknowns, k)
    return MultistepMethod(f"adams_bashforth{k}", tuple(exact(a) for a in alpha), (*beta, exact(0)), "hairer1993")


def bdf(k: int) -> MultistepMethod:
    """The k-step backward differentiation formula of order k, solved from the order conditions (III.1)."""
    alpha = sympy.symbols(f"alpha:{_positive(k)}")
    weight = sympy.Symbol("beta")
    beta = [0] * k + [weight]
    *alpha_, weight_ = _solve_order_conditions([*alpha, 1], beta, (*alpha, weight), k)
    return MultistepMethod(f"bdf{k}", (*alpha_, exact(1)), (*(exact(0),) * k, weight_), "hairer1993")


def lm_resnet(k: object, weight: object = None) -> MultistepMethod:
    """The two-step family x_(n+1) = (1 - k) x_n + k x_(n-1) + weight h f(x_n) of LM-ResNet (1710.10121).

    It approximates x' = f only if ``weight`` is 1 + k, the default: then it has order 1, or 2 at k = 1 (the
    leapfrog rule). The network has weight 1 and so solves x' = f / (1 + k), as the paper's modified equation
    says: k also rescales time. The root condition holds for -1 < k <= 1, and k = 0 is Euler's method.

    Raises:
        MultistepError: the weight is 0, as it is by default at k = -1.
    """
    k = exact(k)
    beta = 1 + k if weight is None else exact(weight)
    name = f"lm_resnet(k={k})" if weight is None else f"lm_resnet(k={k}, weight={beta})"
    return MultistepMethod(name, (-k, k - 1, exact(1)), (exact(0), exact(beta), exact(0)), "lu2018")


def solve(method: MultistepMethod, f: RightHandSide, times: np.ndarray, start: Sequence[ArrayLike]) -> np.ndarray:
    """States at equally spaced times, shape (len(times), d), by an explicit method from its first k states.

    Raises:
        ValueError: the method is implicit, ``start`` does not hold k states, or ``times`` are fewer than k or than two.
    """
    k = method.steps
    if not method.explicit:
        raise ValueError(f"{method.name} is implicit; only explicit methods can be solved by recursion")
    if len(start) != k:
        raise ValueError(f"{method.name} needs {k} starting states, not {len(start)}")
    if len(times) < max(k, 2):
        raise ValueError(f"{method.name} needs {max(k, 2)} times or more, not {len(times)}")
    alpha, beta = method.floats()
    alpha, beta = alpha[:-1] / alpha[-1], beta[:-1] / alpha[-1]
    h = times[1] - times[0]
    states = [np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in start]
    slopes = [np.asarray(f(t, x)) for t, x in zip(times[: k - 1], states, strict=False)]
    for n in range(k, len(times)):
        slopes.append(np.asarray(f(times[n - 1], states[-1])))
        states.append(h * (beta @ np.array(slopes[-k:])) - alpha @ np.array(states[-k:]))
    return np.array(states)


def boundary_locus(method: MultistepMethod, theta: np.ndarray) -> np.ndarray:
    """z = rho / sigma at e^(i theta), complex, same shape; the stability region is bounded by this curve.

    Hairer & Wanner, *Solving ODEs II*, V.1. Infinite or not a number where sigma vanishes.
    """
    alpha, beta = method.floats()
    zeta = np.exp(1j * theta)
    evaluate = np.polynomial.polynomial.polyval
    with np.errstate(divide="ignore", invalid="ignore"):
        return evaluate(zeta, alpha) / evaluate(zeta, beta)


def largest_root(method: MultistepMethod, z: np.ndarray) -> np.ndarray:
    """Largest modulus of a root of rho - z sigma, same shape as z; where it is below 1 the method is stable.

    Not a number where the leading coefficient alpha_k - z beta_k vanishes.
    """
    alpha, beta = method.floats()
    coefficients = alpha - np.asarray(z)[..., None] * beta
    companion = np.zeros((*np.shape(z), method.steps, method.steps), dtype=complex)
    companion[..., range(1, method.steps), range(method.steps - 1)] = 1
    with np.errstate(divide="ignore", invalid="ignore"):
        companion[..., :, -1] = -coefficients[..., :-1] / coefficients[..., -1:]
    solvable = np.isfinite(companion).all(axis=(-2, -1))
    companion[~solvable] = 0
    return np.where(solvable, np.abs(np.linalg.eigvals(companion)).max(axis=-1), np.nan)


def _positive(k: int) -> int:
    if k < 1:
        raise MultistepError(f"a multistep method has at least 1 step, not {k}")
    return k


def _solve_order_conditions(
    alpha: Sequence[object], beta: Sequence[object], unknowns: Sequence[sympy.Symbol], order: int
) -> tuple[sympy.Expr, ...]:
    """The values of the unknowns that make sum alpha_j j^q = q sum beta_j j^(q-1) for all q <= order."""
    conditions = [
        sum(a * sympy.Integer(j) ** q for j, a in enumerate(alpha))
        - q * sum(b * sympy.Integer(j) ** max(q - 1, 0) for j, b in enumerate(beta))
        for q in range(order + 1)
    ]
    solution = sympy.solve(conditions, unknowns, dict=True)[0]
    return tuple(solution[unknown] for unknown in unknowns)


def _is_simple_von_neumann(coefficients: Sequence[sympy.Expr]) -> bool:
    """Whether all roots lie in the closed unit disc, those on the circle simple; lowest power first."""
    if len(coefficients) == 1:
        return True
    reduced = _schur_reduction(coefficients)
    if all(c == 0 for c in reduced):
        return _is_schur([j * c for j, c in enumerate(coefficients)][1:])
    return bool(reduced[-1] > 0) and _is_simple_von_neumann(reduced)


def _is_schur(coefficients: Sequence[sympy.Expr]) -> bool:
    """Whether all roots lie in the open unit disc."""
    if len(coefficients) == 1:
        return True
    reduced = _schur_reduction(coefficients)
    return bool(reduced[-1] > 0) and _is_schur(reduced)


def _schur_reduction(coefficients: Sequence[sympy.Expr]) -> list[sympy.Expr]:
    """(phi*(0) phi(z) - phi(0) phi*(z)) / z, where phi* has phi's coefficients reversed: one degree lower.

    Its leading coefficient is positive exactly if the product of phi's roots has modulus below 1.
    """
    first, last = coefficients[0], coefficients[-1]
    pairs = zip(coefficients, reversed(coefficients), strict=True)
    return [sympy.expand(last * c - first * mirrored) for c, mirrored in pairs][1:]
