"""What defines a training run."""

import hashlib
import json
import math
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import torch
from torch import nn

from odestack.lab import checks
from odestack.lab.cifar import DATASETS
from odestack.methods import catalogue
from odestack.methods.tableau import Tableau
from odestack.nets import branch
from odestack.nets.adaptive import RULES
from odestack.nets.he import ResNet20
from odestack.nets.multistep import STACKS, step_count
from odestack.nets.network import Network
from odestack.nets.resnet import DOWNSAMPLE, ResNet, block_count, branch_count, check_multistep

RECIPE_VERSION = 1
"""Raise it when the same config starts to give different results; older records then count as missing."""

PRECISIONS = ("fp32", "bf16")
SCHEDULES = ("cosine", "constant", "divided")
WIRING = (
    *("scheme", "tableau", "depth", "width", "h", "branch", "relu", "downsample", "remainder"),
    *("batch_norm", "final_norm", "init_scale", "adaptive", "multistep"),
)
"""Fields of the single-stage network. ResNet-20 has nothing to choose: its depth is 20, the others are the defaults."""


class ConfigError(ValueError):
    """A run that cannot be made."""


@dataclass(frozen=True)
class RunConfig:
    """Everything that changes the result of one training run, and nothing that does not.

    ``depth``, ``width``, ``h``, ``branch`` (there ``kind``), ``relu``, ``downsample``, ``remainder``, ``batch_norm``,
    ``final_norm``, ``init_scale``, ``adaptive`` and ``multistep`` are those of ``nets.resnet.ResNet``; the scheme
    starts a multistep stack. ``lr``, ``momentum``, ``weight_decay`` and ``batch`` belong to stochastic gradient
    descent.

    Attributes:
        scheme: a method of the catalogue, or the name of ``tableau``.
        tableau: a method of your own as canonical JSON (see ``custom_scheme``).
        dataset: "cifar10" or "mini-cifar10".
        n_train: train on the first n images only.
        held_out: evaluate also on so many of the next training images; without ``n_train`` these are the last ones.
        architecture: "single-stage", or "resnet20" of He et al. (``nets.he``), for which ``WIRING`` is fixed. Other
            networks have a config of their own, a subclass of this one (``lab.architectures``).
        schedule: "cosine" to zero over the run, "constant", or "divided" by 10 at 1/2 and at 3/4 of the run.
        epochs: passes over the training images.
        steps: stop after so many steps instead (the schedule then spans the steps).
        augment: random crops with padding 4, and flips.
        precision: "fp32", or "bf16" for automatic mixed precision.
        seed: of initialisation, order and augmentation, as three separate streams.

    Raises:
        ConfigError: a value is out of range; the message names the field and what would be valid.
    """

    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("single-stage", "resnet20")
    DATASETS: ClassVar[tuple[str, ...]] = tuple(DATASETS)
    task: ClassVar[str] = "classify"
    """What is learned, a key of ``tasks.TASKS``."""
    evaluates_epochs: ClassVar[bool] = True
    """Whether a run is evaluated on the test images after every epoch, or only after the last."""

    scheme: str = "euler"
    tableau: str | None = None
    dataset: str = "cifar10"
    n_train: int | None = None
    held_out: int = 0
    depth: int = 50
    width: int = 16
    h: float = 1.0
    branch: str = "conv2"
    relu: bool = True
    downsample: str = "stem"
    remainder: bool = False
    batch_norm: bool = True
    final_norm: bool = True
    init_scale: float = 1.0
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 128
    schedule: str = "cosine"
    epochs: int = 8
    steps: int | None = None
    augment: bool = True
    precision: str = "fp32"
    seed: int = 0
    adaptive: str | None = None
    multistep: str | None = None
    architecture: str = "single-stage"

    def __post_init__(self) -> None:
        try:
            self._check_fields()
            self._check_wiring(self._checked_method())
        except ValueError as error:
            raise ConfigError(str(error)) from None

    def _check_fields(self) -> None:
        """Raises ValueError: a field that all architectures share is out of range."""
        checks.choice("dataset", self.dataset, self.DATASETS)
        checks.choice("branch", self.branch, tuple(branch.KINDS))
        checks.choice("downsample", self.downsample, DOWNSAMPLE)
        checks.choice("schedule", self.schedule, SCHEDULES)
        checks.choice("precision", self.precision, PRECISIONS)
        if self.adaptive is not None:
            checks.choice("adaptive", self.adaptive, RULES)
        if self.multistep is not None:
            checks.choice("multistep", self.multistep, STACKS)
        checks.choice("architecture", self.architecture, self.ARCHITECTURES)
        images = self.available_images
        for name, low, high in (
            ("depth", 3, 10_000),
            ("width", 1, 4096),
            ("batch", 2, images),
            ("epochs", 1, 10_000),
            ("steps", 1, 10_000_000),
            ("n_train", 2, images),
            ("held_out", 0, images),
            ("seed", 0, 2**31 - 1),
        ):
            if getattr(self, name) is not None or name not in ("steps", "n_train"):
                checks.whole(name, getattr(self, name), low, high)
        for name, high in (("h", 1e3), ("init_scale", 1e3), ("lr", 1e3), ("momentum", 1.0), ("weight_decay", 1.0)):
            object.__setattr__(self, name, checks.number(name, getattr(self, name), 0.0, high))
        for name in ("relu", "remainder", "batch_norm", "final_norm", "augment"):
            checks.flag(name, getattr(self, name))
        if self.train_images + self.held_out > images:
            raise ValueError(f"held_out {self.held_out} and n_train {self.n_train} are more than the {images} images")
        if self.train_images < self.batch:
            raise ValueError(f"batch {self.batch} is more than the {self.train_images} training images")
        if self.branch == "bottleneck" and self.width % 4:
            raise ValueError(f"width {self.width} does not divide by 4, which a bottleneck branch needs")

    def _checked_method(self) -> Tableau:
        """Raises ValueError: there is no such method, or the tableau is malformed."""
        source = "scheme" if self.tableau is None else "tableau"
        for name in ("scheme", source):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} is {getattr(self, name)!r}, not text")
        try:
            return self.method()
        except (ValueError, TypeError) as error:  # a TypeError: JSON that is not an object of A and b
            raise ValueError(f"{source}: {error}") from None
        except RecursionError:
            raise ValueError(f"{source}: brackets are nested too deeply for a tableau") from None

    def _check_wiring(self, method: Tableau) -> None:
        """Raises ValueError: the network cannot be built."""
        if self.architecture == "resnet20":
            self._require_defaults(set(WIRING) - {"depth"})
            if self.depth != 20:
                raise ValueError(f"depth is {self.depth}, but for resnet20 it must be 20")
        if self.multistep is None:
            block_count(method, self.depth, self.branch, remainder=self.remainder, adaptive=self.adaptive)
        else:
            step_count(self.multistep, method, branch_count(self.depth, self.branch))
            check_multistep(
                self.multistep, downsample=self.downsample, remainder=self.remainder, adaptive=self.adaptive
            )

    def _require_defaults(self, names: Collection[str]) -> None:
        """Raises ValueError: one of these fields, which the architecture does not have, was set."""
        for f in fields(self):
            if f.name in names and getattr(self, f.name) != f.default:
                value = getattr(self, f.name)
                raise ValueError(f"{f.name} is {value!r}, but for {self.architecture} it must be {f.default!r}")

    @property
    def available_images(self) -> int:
        """Training images of the data set."""
        return DATASETS[self.dataset].n_train

    @property
    def train_images(self) -> int:
        return self.available_images - self.held_out if self.n_train is None else self.n_train

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in an epoch; the incomplete last batch is dropped."""
        return self.train_images // self.batch

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch if self.steps is None else self.steps

    def method(self) -> Tableau:
        if self.tableau is None:
            return catalogue.get(self.scheme)
        return Tableau(self.scheme, **json.loads(self.tableau))

    @property
    def order(self) -> int:
        return self.method().order

    def network(self) -> Network:
        """The network, initialised from torch's global generator."""
        if self.architecture == "resnet20":
            return ResNet20()
        return ResNet(
            self.method(),
            self.depth,
            self.width,
            h=self.h,
            kind=self.branch,
            relu=self.relu,
            downsample=self.downsample,
            remainder=self.remainder,
            batch_norm=self.batch_norm,
            final_norm=self.final_norm,
            init_scale=self.init_scale,
            adaptive=self.adaptive,
            multistep=self.multistep,
        )

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            network.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )

    def learning_rate(self, step: int) -> float:
        """Rate of the step with this number, from 0."""
        if self.schedule == "constant":
            return self.lr
        if self.schedule == "divided":
            return self.lr / 10 ** ((2 * step >= self.total_steps) + (4 * step >= 3 * self.total_steps))
        return self.lr * 0.5 * (1 + math.cos(math.pi * step / self.total_steps))

    @property
    def work(self) -> float:
        """What training costs: multiply-accumulates, in units of one 3x3 kernel on 16 x 16 pixels."""
        return self.total_steps * self.batch * (self.depth - 2) * self.width**2

    @property
    def name(self) -> str:
        """Network and wiring, as the key begins with them."""
        parts = {"single-stage": (self.scheme, self.adaptive, self.multistep), "resnet20": (self.architecture,)}
        return "-".join(filter(None, parts.get(self.architecture, (self.architecture, self.scheme))))

    @property
    def key(self) -> str:
        """Name of the run, made of a readable part and a hash of all that differs from the defaults.

        A later field with a default therefore leaves old keys as they are; a changed default needs a new
        ``RECIPE_VERSION``.
        """
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        if self.architecture != "single-stage":
            changed["architecture"] = self.architecture
        canonical = json.dumps({"recipe": RECIPE_VERSION, **changed}, sort_keys=True)
        digest = hashlib.sha256(canonical.encode()).hexdigest()[:10]
        slug = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.name)[:40]
        return f"{slug}-d{self.depth}-w{self.width}-s{self.seed}-{digest}"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Raises ConfigError on a field that does not exist."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ConfigError(f"no field is called {unknown[0]!r}; the fields are {', '.join(sorted(known))}")
        return cls(**data)


def custom_scheme(tableau: Tableau) -> dict[str, str]:
    """The ``scheme`` and ``tableau`` fields that make a run of a method outside the catalogue."""
    content: dict[str, Any] = {"A": [[str(x) for x in row[:i]] for i, row in enumerate(tableau.A)]}
    content["b"] = [str(x) for x in tableau.b]
    if tableau.b_hat is not None:
        content["b_hat"] = [str(x) for x in tableau.b_hat]
    return {"scheme": tableau.name, "tableau": json.dumps(content, separators=(",", ":"))}
