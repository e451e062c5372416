"""The run store: one JSON record per run, written once and atomically."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from odestack.lab.architectures import config_from_dict
from odestack.lab.cifar import DATA
from odestack.lab.config import RECIPE_VERSION, RunConfig
from odestack.nets.solvers import Failure

STATUSES = ("done", "diverged", *(failure.value for failure in Failure))


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
            other tasks have other scores in its place, ``lab.tasks``), held_out_loss and held_out_accuracy where images
            are held out, coefficients (a list, ``nets.coefficients``) where the network has any, nfe_forward and
            nfe_backward (of an ODE-Net: evaluations of the field in a training step, on average), seconds (of training)
            and eval_seconds.
        early_loss: training loss of the first steps, one value a step.
        environment: versions, device, threads, precision, git commit, date.
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
    """Records, kept weights and checkpoints of one profile, under ``runs``, ``weights`` and ``checkpoints``."""

    profile: str
    root: Path = DATA

    @property
    def folder(self) -> Path:
        return self.root / "runs" / self.profile

    def path(self, config: RunConfig) -> Path:
        return self.folder / f"{config.key}.json"

    def weights(self, config: RunConfig, epoch: int | None = None) -> Path:
        """Where a run's kept weights are: the final ones, or those after an epoch (from 1)."""
        suffix = "" if epoch is None else f".epoch{epoch}"
        return self.root / "weights" / self.profile / f"{config.key}{suffix}.safetensors"

    def checkpoint(self, config: RunConfig) -> Path:
        """Where an unfinished run's last epoch is, with a ``.lock`` beside it while it trains."""
        return self.root / "checkpoints" / self.profile / f"{config.key}.pt"

    def remove_unfinished(self, config: RunConfig) -> None:
        """Remove the temporary files that a process killed while writing has left of this run."""
        for path in (self.path(config), self.weights(config), self.checkpoint(config)):
            for temporary in path.parent.glob(f".{config.key}.*.tmp"):
                temporary.unlink(missing_ok=True)

    def get(self, config: RunConfig) -> Record | None:
        """The run's record, or None.

        Raises:
            RecordError: there is a file for it, but not a record.
        """
        path = self.path(config)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        return Record.from_json(text, str(path))

    def missing(self, configs: Iterable[RunConfig]) -> list[RunConfig]:
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

    def put(self, record: Record) -> Path:
        path = self.path(record.config)
        write_atomically(path, record.to_json().encode())
        return path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash at any moment, sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
