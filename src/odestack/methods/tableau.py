"""Explicit Runge-Kutta methods as exact Butcher tableaux."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import sympy

from odestack.methods import trees
from odestack.methods.exact import exact


class TableauError(ValueError):
    """A tableau that is not an explicit Runge-Kutta method."""


@dataclass(frozen=True)
class Tableau:
    r"""An explicit Runge-Kutta method with s stages (Hairer, Nørsett & Wanner, *Solving ODEs I*, II.1).

    .. math:: k_i = f(x + h \sum_{j<i} a_{ij} k_j), \qquad x_1 = x + h \sum_i b_i k_i

    Entries are given as integers, fractions, sympy numbers or strings such as ``"(1+sqrt(2))/6"`` and kept exact.
    Everything else (nodes, order, first-same-as-last) is derived.

    Args:
        name: identifier, as used by the catalogue and the command line.
        A: s rows; row i has either i - 1 entries (those below the diagonal) or s entries.
        b: s weights.
        b_hat: s weights of the embedded formula, if there is one.
        source: citation key in ``book/references.bib``.

    Raises:
        TableauError: a row has the wrong length, an entry is not a number, or the method is not explicit.
    """

    name: str
    A: tuple[tuple[sympy.Expr, ...], ...] = field(repr=False)
    b: tuple[sympy.Expr, ...] = field(repr=False)
    b_hat: tuple[sympy.Expr, ...] | None = field(default=None, repr=False)
    source: str = ""

    def __post_init__(self) -> None:
        b = _numbers(self.b, f"{self.name}: b")
        s = len(b)
        if s == 0:
            raise TableauError(f"{self.name}: b is empty; a method has at least one stage")
        if all(x == 0 for x in b):
            raise TableauError(f"{self.name}: every weight in b is 0, so the step does nothing")
        try:
            rows = list(self.A)
        except TypeError:
            raise TableauError(f"{self.name}: A is {self.A!r}, not a list of {s} rows") from None
        if len(rows) != s:
            raise TableauError(f"{self.name}: A has {len(rows)} rows, but b has {s} weights; both count the stages")
        A = tuple(_strictly_lower(row, i, s, self.name) for i, row in enumerate(rows, start=1))
        object.__setattr__(self, "A", A)
        object.__setattr__(self, "b", b)
        if self.b_hat is not None:
            b_hat = _numbers(self.b_hat, f"{self.name}: b_hat")
            if len(b_hat) != s:
                raise TableauError(f"{self.name}: b_hat has {len(b_hat)} weights, but there are {s} stages")
            object.__setattr__(self, "b_hat", b_hat)

    @property
    def stages(self) -> int:
        """Evaluations of f in a step, unused ones included."""
        return len(self.b)

    @cached_property
    def c(self) -> tuple[sympy.Expr, ...]:
        """The nodes, which are the row sums of A."""
        return tuple(exact(sum(row, sympy.Integer(0))) for row in self.A)

    @cached_property
    def used_stages(self) -> tuple[int, ...]:
        """Indices (from 0) of the stages that the step depends on, directly or through other stages."""
        used: set[int] = set()
        for i in reversed(range(self.stages)):
            if self.b[i] != 0 or any(self.A[j][i] != 0 for j in used):
                used.add(i)
        return tuple(sorted(used))

    @cached_property
    def order(self) -> int:
        """Largest p such that all order conditions up to p hold exactly; 0 if inconsistent."""
        return trees.order(self.A, self.b)

    @cached_property
    def embedded_order(self) -> int | None:
        """Order of the embedded formula; None if there is none."""
        return None if self.b_hat is None else trees.order(self.A, self.b_hat)

    @property
    def fsal(self) -> bool:
        """Whether the last stage is f at the new point (first same as last), so that the next step gets it for free."""
        return self.stages > 1 and self.A[-1] == self.b and self.b[-1] == 0

    def reduced(self) -> "Tableau":
        """The same step without the stages it does not use (and so without the embedded formula)."""
        keep = self.used_stages
        A = tuple(tuple(self.A[i][j] for j in keep) for i in keep)
        return Tableau(self.name, A, tuple(self.b[i] for i in keep), source=self.source)

    def floats(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A of shape (s, s), b (s,) and c (s,) in float64."""
        A, b, c = (np.array(x, dtype=object).astype(np.float64) for x in (self.A, self.b, self.c))
        return A, b, c

    def latex(self) -> str:
        """The tableau as a LaTeX array, c | A over b (and b-hat)."""

        def cells(entries: Iterable[sympy.Expr]) -> str:
            return " & ".join(sympy.latex(x) for x in entries)

        s = self.stages
        rows = [f"{sympy.latex(self.c[i])} & {cells(self.A[i][:i])}{' &' * (s - i if i else s - 1)}" for i in range(s)]
        foot = [f" & {cells(w)}" for w in (self.b, self.b_hat) if w is not None]
        body = r" \\ ".join(rows) + r" \\ \hline " + r" \\ ".join(foot)
        return rf"\begin{{array}}{{c|{'c' * s}}} {body} \end{{array}}"

    @classmethod
    def from_json(cls, path: str | Path) -> "Tableau":
        """Read ``{"name": ..., "A": [[], ["1/2"], ...], "b": [...], "b_hat": [...]}``.

        Raises:
            TableauError: the file is missing, is not such an object, or the tableau is malformed.
        """
        path = Path(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8"), parse_float=str)
        except OSError as error:
            raise TableauError(f"{path}: {error.strerror or error}") from None
        except ValueError as error:  # undecodable text as well as malformed JSON
            raise TableauError(f"{path} is not JSON: {error}") from None
        except RecursionError:
            raise TableauError(f"{path}: brackets are nested too deeply for a tableau") from None
        fields = {"name", "A", "b", "b_hat", "source"}
        if not isinstance(data, dict) or not {"A", "b"} <= data.keys() <= fields:
            raise TableauError(f'{path}: expected an object with "A" and "b", and optionally "name", "b_hat", "source"')
        return cls(**{"name": path.stem, **data})


def _numbers(values: object, where: str) -> tuple[sympy.Expr, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TableauError(f"{where} is {values!r}, not a list of numbers")
    try:
        return tuple(exact(value) for value in values)
    except ValueError as error:
        raise TableauError(f"{where}: {error}") from None


def _strictly_lower(row: object, i: int, s: int, name: str) -> tuple[sympy.Expr, ...]:
    """Row i (from 1) as s numbers, zero from the diagonal on."""
    where = f"{name}: row {i} of A"
    numbers = _numbers(row, where)
    if len(numbers) not in (i - 1, s):
        raise TableauError(f"{where} has {len(numbers)} entries; give {i - 1} (below the diagonal) or {s}")
    if any(x != 0 for x in numbers[i - 1 :]):
        raise TableauError(f"{where} is not explicit: entries from column {i} on must be zero")
    return numbers[: i - 1] + (sympy.Integer(0),) * (s - i + 1)
