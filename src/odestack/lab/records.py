"""The store: one JSON record per run and one file per measurement, written once and atomically."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar, overload

from odestack.lab.architectures import config_from_dict
from odestack.lab.cifar import DATA
from odestack.lab.config import RECIPE_VERSION, RunConfig
from odestack.lab.files import write_atomically
from odestack.lab.measurements import Measured, Measurement
from odestack.nets.solvers import Failure

STATUSES = ("done", "diverged", *(failure.value for failure in Failure))
Config = TypeVar("Config", bound=RunConfig | Measurement)


class RecordError(ValueError):
    """A file of the store that is not a record of this recipe version."""


@dataclass(frozen=True)
class Record:
    """The result of one run.

    Attributes:
        config: what was run.
        status: "done"; "diverged" (a non-finite loss); or why a solver of an ODE gave up (``nets.solvers.Failure``).
            But for "done" the metrics end there.
        epochs: one row an epoch: epoch, step, lr, train_loss, train_accuracy, test_loss, test_accuracy (in percent;
            other tasks have other scores in its place, ``lab.tasks``; of an ODE-Net those of the test images are in the
            last row only), held_out_loss and held_out_accuracy where images are held out, coefficients (a list,
            ``nets.coefficients``) where the network has any, nfe_forward and nfe_backward (of an ODE-Net: evaluations
            of the field in a training step, on average), seconds (of training) and eval_seconds.
        early_loss: training loss of the first steps, one value a step.
        environment: versions, device, threads, whether compiled, git commit, date.
        seconds: wall time of the whole run, over all its sessions.
    """

    config: RunConfig
    status: str
    epochs: list[dict[str, Any]]
    early_loss: list[float]
    environment: dict[str, Any] = field(repr=False)
    seconds: float

    @property
    def final(self) -> dict[str, Any]:
        """The last epoch's row; empty if the run failed in the first epoch."""
        return self.epochs[-1] if self.epochs else {}

    def to_json(self) -> str:
        data = {"key": self.config.key, "recipe_version": RECIPE_VERSION, **asdict(self)}
        return json.dumps(data, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str = "record") -> "Record":
        """Raises RecordError: not a record, of another recipe version, or under a wrong key."""
        try:
            data = json.loads(text)
            key, version = data.pop("key"), data.pop("recipe_version")
            if version != RECIPE_VERSION:
                raise RecordError(
                    f"{where} is of recipe version {version}, not {RECIPE_VERSION}: its run must be repeated"
                )
            record = cls(**{**data, "config": config_from_dict(data["config"])})
        except RecordError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RecordError(f"{where} is not a run record ({error})") from None
        if record.config.key != key or record.status not in STATUSES:
            raise RecordError(f"{where} does not match its key or status: delete it and run the sweep again")
        return record


@dataclass(frozen=True)
class Store:
    """Records, kept weights, measurements and checkpoints of one profile, under ``runs``, ``weights``, ``surfaces`` and
    ``checkpoints``."""

    profile: str
    root: Path = DATA

    @property
    def folder(self) -> Path:
        return self.root / "runs" / self.profile

    def path(self, config: RunConfig | Measurement) -> Path:
        if isinstance(config, Measurement):
            return self.root / "surfaces" / self.profile / f"{config.key}.safetensors"
        return self.folder / f"{config.key}.json"

    def weights(self, config: RunConfig, epoch: int | None = None) -> Path:
        """Where a run's kept weights are: the final ones, or those after an epoch (from 1)."""
        suffix = "" if epoch is None else f".epoch{epoch}"
        return self.root / "weights" / self.profile / f"{config.key}{suffix}.safetensors"

    def weights_for(self, config: Measurement) -> list[Path]:
        """The files of weights that a measurement rests on: those after each epoch but the last if it needs them, and
        the final ones."""
        run = config.run
        epochs = math.ceil(run.total_steps / run.steps_per_epoch) if config.keep == "epochs" else 1
        return [*(self.weights(run, epoch) for epoch in range(1, epochs)), self.weights(run)]

    def waits(self, config: RunConfig | Measurement) -> bool:
        """Whether it is a measurement whose weights are not there yet."""
        return isinstance(config, Measurement) and not all(path.exists() for path in self.weights_for(config))

    def checkpoint(self, config: RunConfig | Measurement) -> Path:
        """Where what an unfinished run or plane has reached is, with a ``.lock`` beside it while it is worked on."""
        return self.root / "checkpoints" / self.profile / f"{config.key}.pt"

    def remove_unfinished(self, config: RunConfig | Measurement) -> None:
        """Remove the temporary files that a process killed while writing has left of this run."""
        run = config.run if isinstance(config, Measurement) else config
        for path in (self.path(config), self.weights(run), self.checkpoint(config)):
            for temporary in path.parent.glob(f".{config.key}.*.tmp"):
                temporary.unlink(missing_ok=True)

    @overload
    def get(self, config: RunConfig) -> Record | None: ...
    @overload
    def get(self, config: Measurement) -> Measured | None: ...
    @overload
    def get(self, config: RunConfig | Measurement) -> Record | Measured | None: ...
    def get(self, config: RunConfig | Measurement) -> Record | Measured | None:
        """The run's record, or the measurement, or None.

        Raises:
            RecordError: there is a file for it, but not a record.
            LandscapeError: there is a file for it, but not a measurement.
        """
        path = self.path(config)
        if isinstance(config, Measurement):
            return Measured.load(path) if path.exists() else None
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        return Record.from_json(text, str(path))

    def missing(self, configs: Iterable[Config]) -> list[Config]:
        return [config for config in configs if self.get(config) is None]

    def outdated(self) -> dict[Path, RunConfig]:
        """Records of another recipe version, and their runs: they have another key, so that they count as missing.

        Files that are no records are left out.
        """
        current, found = f'"recipe_version": {RECIPE_VERSION},', {}
        for path in sorted(self.folder.glob("*.json")):
            content = path.read_text(errors="replace")
            if current in content[:300]:
                continue
            try:
                data = json.loads(content)
                if data["recipe_version"] != RECIPE_VERSION:
                    found[path] = config_from_dict(data["config"])
            except (ValueError, TypeError, KeyError):
                continue
        return found

    def put(self, result: Record | Measured) -> Path:
        path = self.path(result.config)
        write_atomically(path, result.to_json().encode() if isinstance(result, Record) else result.to_bytes())
        return path
