"""The ODE-Net under solvers of rising order, at one tolerance and at equal evaluations (claim C16).

The study is small, since its networks are slow: at the common tolerance an adaptive solver makes 30 to 40 evaluations
in a training step, dopri8 about 140, and an adjoint evaluates anew on the way back. So at cpu a run sees 10,000
training images, four times. That still takes up to 20 minutes of one thread with an adaptive solver, and an hour with
dopri8.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from safetensors.torch import load_file

from odestack.lab import cifar, train
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.lab.records import Record, Store
from odestack.lab.sweep import Job
from odestack.methods import catalogue
from odestack.nets.solvers import ADAPTIVE, FixedStep, SolverError
from odestack.studies.frame import over_seeds, recipe, short_base, tidy

TITLE = "Neural ODE"
SEEDS = (0, 1)
N_TRAIN = {"cpu": 10_000}
"""Training images, where not all."""
TOLERANCE = 1e-3
"""Of every adaptive solver, as in the released code of Chen et al. (2018)."""
OTHER_TOLERANCES = (1e-1, 1e-5)
"""Of dopri5 alone."""
METHODS = ("euler", "midpoint", "three_eighths", "rk4")
EVALUATIONS = (4, 16)
"""Of the equal steps of each method."""
STACK, REMOVED = "shared stack", "no ODE block"
BLOCKS = 4
"""Of the stack x + f(x) whose blocks share their weights: Euler's method with steps of size 1."""


def base(profile: str) -> NeuralODEConfig:
    plain = short_base(profile)
    shared = recipe(plain)
    shared["precision"] = "fp32"
    return NeuralODEConfig(**shared, width=plain.width, n_train=N_TRAIN.get(profile))


def jobs(profile: str) -> list[Job]:
    """Adaptive solvers at one tolerance and dopri5 at two more, four methods at two numbers of evaluations, two
    adjoints, a stack with shared weights, and the network without its ODE block.

    The final weights of seed 0 are kept, for another solver after training.
    """
    removed = base(profile)
    adaptive = {name: replace(removed, solver=name, tolerance=TOLERANCE) for name in ADAPTIVE}
    loose_and_tight = [replace(adaptive["dopri5"], tolerance=each) for each in OTHER_TOLERANCES]
    equal = {
        (name, count): replace(removed, solver=name, solver_steps=count // len(catalogue.get(name).used_stages))
        for count in EVALUATIONS
        for name in METHODS
    }
    adjoint = [replace(arm, adjoint=True) for arm in (adaptive["dopri5"], equal["three_eighths", EVALUATIONS[-1]])]
    stack = replace(removed, solver="euler", solver_steps=BLOCKS, T=float(BLOCKS), time=False)
    arms = [*adaptive.values(), *loose_and_tight, *equal.values(), *adjoint, stack, removed]
    return over_seeds(lambda seed: [replace(arm, seed=seed) for arm in arms], SEEDS, profile, "final")


def table(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run: arm, solver, evaluations, tolerance, adjoint, nfe_forward, nfe_backward, and the results of
    ``frame.tidy``.

    ``evaluations`` are those of equal steps, fixed beforehand. The two NFE, measured, are of a training step, on
    average over the last epoch.
    """
    frame = tidy(records, "solver", "tolerance", "adjoint").astype({"adjoint": bool})
    frame.insert(0, "arm", [arm(_own(record)) for record in records])
    frame.insert(2, "evaluations", pd.Series([_evaluations(_own(record)) for record in records], dtype="Int64"))
    for column in ("nfe_forward", "nfe_backward"):
        frame[column] = pd.Series([record.final.get(column) for record in records], dtype=float)
    return frame


def arm(config: NeuralODEConfig) -> str:
    """Such as "dopri5", "dopri5, 0.1", "rk4, 16", "dopri5, adjoint"."""
    if config.solver is None:
        return REMOVED
    if not config.time:
        return STACK
    other = f"{config.tolerance:g}" if config.tolerance in OTHER_TOLERANCES else None
    count = _evaluations(config)
    parts = (config.solver, other, None if count is None else str(count), "adjoint" if config.adjoint else None)
    return ", ".join(filter(None, parts))


def evaluations(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run and epoch: arm, seed, epoch, nfe_forward, nfe_backward, of a training step on average."""
    columns = ["epoch", "nfe_forward", "nfe_backward"]
    rows = [
        (arm(_own(record)), record.config.seed, *(row[column] for column in columns))
        for record in records
        for row in record.epochs
        if "nfe_forward" in row
    ]
    return pd.DataFrame(rows, columns=["arm", "seed", *columns])


def after_training(
    config: NeuralODEConfig, store: Store, images: cifar.Split, methods: Sequence[str], steps: Sequence[int]
) -> pd.DataFrame:
    """A trained network under other solvers, in equal steps, with the weights that it has.

    Returns:
        One row a solver: arm, method, steps, evaluations, accuracy on the images in percent (NaN where the solver gives
        up). No row if the run's weights are not in the store.
    """
    rows = []
    file = store.weights(config)
    if file.exists():
        network = config.network()
        network.load_state_dict(load_file(file))
        for method in methods:
            for count in steps:
                network.block.solver = solver = FixedStep(method, count)
                rows.append((arm(config), method, count, solver.evaluations, _accuracy(network, images, config)))
    return pd.DataFrame(rows, columns=["arm", "method", "steps", "evaluations", "accuracy"])


def _accuracy(network: train.Network, images: cifar.Split, config: NeuralODEConfig) -> float:
    try:
        return train.evaluate(network, images, config)[1]
    except SolverError:
        return float("nan")


def _evaluations(config: NeuralODEConfig) -> int | None:
    solver = config.integrator()
    return solver.evaluations if isinstance(solver, FixedStep) else None


def _own(record: Record) -> NeuralODEConfig:
    assert isinstance(record.config, NeuralODEConfig)
    return record.config
