"""What is measured of a trained network's loss, on the weights that its run has kept, and the result in a file."""

import hashlib
import json
import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from odestack.lab.architectures import config_from_dict
from odestack.lab.checks import whole
from odestack.lab.config import RunConfig
from odestack.lab.landscape import LandscapeError, policy, symmetric_axis

VERSION = 1
"""Raise it when the same measurement starts to give other numbers; older files then count as missing."""
PLANES = ("random", "trajectory")


@dataclass(frozen=True)
class Measurement(ABC):
    """What all measurements share. They are made in fp32, on the first training images, without augmentation.

    Attributes:
        run: of the network.
        images: how many.
    """

    kind: ClassVar[str]
    precision: ClassVar[str] = "fp32"

    run: RunConfig
    images: int = 500

    def __post_init__(self) -> None:
        self._require("images", 1, self.run.train_images)

    def _require(self, name: str, low: int, high: int) -> None:
        try:
            whole(name, getattr(self, name), low, high)
        except ValueError as error:
            raise LandscapeError(str(error)) from None

    @property
    def seed(self) -> int:
        """Of the run."""
        return self.run.seed

    @property
    def architecture(self) -> str:
        """What measurements of a like speed have in common (``studies.schedule.pace``)."""
        return self.kind

    @property
    def keep(self) -> Literal["final", "epochs"]:
        """Which weights of the run it needs."""
        return "final"

    @property
    def name(self) -> str:
        """The readable part of the key after that of the run."""
        return self.kind

    @property
    @abstractmethod
    def passes(self) -> float:
        """What it costs: passes of its images through the network, of which a training step makes three."""

    @property
    def work(self) -> float:
        """What it costs in the units of ``RunConfig.work``."""
        step = self.run.work / (self.run.total_steps * self.run.batch)
        return self.passes / 3 * self.images * step

    @property
    def key(self) -> str:
        """Name of the measurement: a readable part, and a hash of all its fields."""
        canonical = json.dumps({"version": VERSION, **self.to_dict(), "run": self.run.key}, sort_keys=True)
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:10]
        return f"{self.run.key.rsplit('-', 1)[0]}-{self.name}-{digest}"

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class SurfaceConfig(Measurement):
    """The loss on a plane through the trained weights (``lab.landscape``).

    Its arrays: x and y, the coordinates, and losses (len(y), len(x)). With a trajectory also coordinates (epochs, 2),
    and explained (2,).

    Attributes:
        plane: "random", spanned by two filter-normalised directions, or "trajectory", the one of most variance through
            the weights after each epoch, which must have been kept.
        direction: seed of the random directions; None for a trajectory.
        points: along each side.
        radius: half a side of a random plane, where 1 moves every filter by its own norm. None for a trajectory, whose
            plane reaches from its first to its last epoch, and a little beyond.
        batch_norm: one of ``landscape.POLICIES``.

    Raises:
        LandscapeError: a field is out of range, or does not fit the plane.
    """

    kind: ClassVar[str] = "surface"

    plane: str = "random"
    direction: int | None = 0
    points: int = 21
    radius: float | None = 0.5
    batch_norm: str = "frozen"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("points", 3, 1001)
        policy(self.batch_norm)
        if self.plane not in PLANES:
            raise LandscapeError(f"plane {self.plane!r} does not exist; choose one of {', '.join(PLANES)}")
        if self.plane == "random":
            self._require("direction", 0, 2**31 - 1)
            symmetric_axis(self.points, math.nan if self.radius is None else self.radius)
        elif self.direction is not None or self.radius is not None:
            raise LandscapeError(
                "a trajectory chooses its own directions and sides: give None for direction and radius"
            )

    @property
    def keep(self) -> Literal["final", "epochs"]:
        return "epochs" if self.plane == "trajectory" else "final"

    @property
    def name(self) -> str:
        return f"{self.plane}{'' if self.direction is None else self.direction}-{self.batch_norm}-{self.points}"

    @property
    def passes(self) -> float:
        return self.points**2 * (1 if self.batch_norm == "frozen" else 2.2)


@dataclass(frozen=True)
class CurvatureConfig(Measurement):
    """The ends of the spectrum of the loss's Hessian, and its trace (``lab.curvature``), with frozen statistics.

    Its arrays: largest (eigenvalues,), descending; smallest (1,); trace (2,), the estimate and its standard error; and
    normalised_largest and normalised_trace, where filters are measured by their norms.

    Attributes:
        eigenvalues: how many of the largest.
        samples: random vectors for each trace.

    Raises:
        LandscapeError: a field is out of range.
    """

    kind: ClassVar[str] = "curvature"

    images: int = 250
    eigenvalues: int = 5
    samples: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("eigenvalues", 1, 100)
        self._require("samples", 2, 10_000)

    @property
    def passes(self) -> float:
        """A product with the Hessian costs about as much as 12 passes; the eigenvalues need about 75 products."""
        return 12.0 * (75 + 2 * self.samples)


CONFIGS: tuple[type[Measurement], ...] = (SurfaceConfig, CurvatureConfig)


@dataclass(frozen=True)
class Measured:
    """The result of a measurement.

    Attributes:
        config: what was measured.
        arrays: as the config says, float64.
        weights: SHA-256 of the files of weights that it rests on, one after the other.
        environment: as in a record.
        seconds: wall time, over all sessions.
    """

    status: ClassVar[str] = "done"

    config: Measurement
    arrays: dict[str, np.ndarray]
    weights: str
    environment: dict[str, Any] = field(repr=False)
    seconds: float

    def to_bytes(self) -> bytes:
        about = {"weights": self.weights, "environment": self.environment, "seconds": self.seconds}
        content = {"key": self.config.key, "version": VERSION, "config": self.config.to_dict(), **about}
        return save(self.arrays, {"measured": json.dumps(content)})

    @classmethod
    def load(cls, path: Path) -> "Measured":
        """Raises LandscapeError: not a measurement, of another version, or under a wrong key."""
        try:
            with safe_open(path, "numpy") as content:
                about = json.loads(content.metadata()["measured"])
                arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118, it is no mapping
            fields = about["config"]
            kind = {kind.kind: kind for kind in CONFIGS}[fields.pop("kind")]
            config = kind(**{**fields, "run": config_from_dict(fields["run"])})
            found = cls(config, arrays, about["weights"], about["environment"], about["seconds"])
            key, version = about["key"], about["version"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
            raise LandscapeError(f"{path} is not a measurement ({error}): delete it and run the sweep again") from None
        if not key == config.key == path.stem or version != VERSION:
            raise LandscapeError(f"{path} does not match its key or version: delete it and run the sweep again")
        return found
