"""Runs of the ODE-Net."""

from dataclasses import dataclass
from typing import ClassVar

from odestack.lab import checks
from odestack.lab.config import WIRING, RunConfig
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.nets.neural_ode import NeuralODE, groups
from odestack.nets.solvers import ADAPTIVE, Adaptive, FixedStep, Solver

USUAL_NFE = 30
"""Evaluations of an adaptive solver, for the estimate of costs: what it makes depends on its input."""
FIELD_LAYERS = 2
SMALLEST, LARGEST = 1e-12, 1e3
"""Of a tolerance or an integration time."""


@dataclass(frozen=True)
class NeuralODEConfig(RunConfig):
    """A run of ``nets.neural_ode.NeuralODE``, in fp32. Where its solver gives up, the run ends with that status.

    Attributes:
        depth: weight layers: the stem, the field's two, the head.
        solver: a method of the catalogue, in equal steps; an adaptive solver of torchdiffeq; or None for the
            network without its ODE block.
        solver_steps: number of equal steps; None for other solvers.
        tolerance: of an adaptive solver, relative and absolute; None for other solvers.
        adjoint: gradients by the adjoint equation.
        time: whether the field depends on t.
        T: end of the integration.
        max_nfe: evaluations of the field that a forward or a backward pass may make.

    Raises:
        ConfigError: a value is out of range, or a field that the ODE-Net does not have was set.
    """

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("neural-ode",)
    evaluates_epochs: ClassVar[bool] = False  # with an adaptive solver it takes as long as the epoch

    depth: int = 4
    architecture: str = "neural-ode"
    solver: str | None = None
    solver_steps: int | None = None
    tolerance: float | None = None
    adjoint: bool = False
    time: bool = True
    T: float = 1.0
    max_nfe: int = 1000

    def _check_wiring(self, method: Tableau) -> None:
        self._require_defaults((set(WIRING) - {"width"}) | {"precision"})
        if self.solver is not None:
            checks.choice("solver", self.solver, (*ADAPTIVE, *catalogue.names()))
        if self.solver_steps is not None:
            checks.whole("solver_steps", self.solver_steps, 1)
        checks.whole("max_nfe", self.max_nfe, 1)
        for name in ("tolerance", "T"):
            if getattr(self, name) is not None or name == "T":
                object.__setattr__(self, name, checks.number(name, getattr(self, name), SMALLEST, LARGEST))
        checks.flag("adjoint", self.adjoint)
        checks.flag("time", self.time)
        adaptive = self.solver in ADAPTIVE
        for name, wanted in (("solver_steps", self.solver is not None and not adaptive), ("tolerance", adaptive)):
            value = getattr(self, name)
            if wanted is (value is None):
                raise ValueError(f"{name} is {value}, but solver {self.solver} {'needs one' if wanted else 'has none'}")
        try:
            solver = self.integrator()
        except ValueError as error:
            raise ValueError(f"adjoint: {error}") from None
        if self.adjoint and solver is None:
            raise ValueError("adjoint is True, but solver None has nothing to differentiate")
        groups(self.width)

    def integrator(self) -> Solver | None:
        """The solver, with its steps or tolerances."""
        if self.tolerance is not None:
            return Adaptive(str(self.solver), self.tolerance, self.tolerance, self.adjoint)
        if self.solver_steps is not None:
            return FixedStep(str(self.solver), self.solver_steps, self.adjoint)
        return None

    @property
    def order(self) -> int:
        """Of the solver; 0 without the block."""
        return 0 if self.solver is None else ADAPTIVE.get(self.solver) or catalogue.get(self.solver).order

    def network(self) -> NeuralODE:
        return NeuralODE(self.width, self.integrator(), time=self.time, T=self.T, max_nfe=self.max_nfe)

    @property
    def name(self) -> str:
        return "-".join((self.architecture, self.solver or "removed", *(["adjoint"] if self.adjoint else [])))

    @property
    def work(self) -> float:
        """With the stem, so that the network without its block costs something. An adjoint evaluates anew."""
        solver = self.integrator()
        evaluations = 0 if solver is None else USUAL_NFE
        if isinstance(solver, FixedStep):
            evaluations = solver.evaluations
        again = 4 / 3 if self.adjoint else 1
        kernels = 3 * self.width + again * evaluations * FIELD_LAYERS * self.width**2
        return self.total_steps * self.batch * kernels
