"""All records as tidy tables, one row a run and one row an epoch, with a dictionary of their columns."""

import inspect
import re
from dataclasses import fields
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd

from odestack.lab.architectures import CONFIGS
from odestack.lab.config import RunConfig
from odestack.lab.files import write_atomically
from odestack.lab.records import Record, Store
from odestack.studies import STUDIES, get
from odestack.studies.evidence import AUTO
from odestack.studies.frame import early_loss

IDENTITY = {
    "profile": ("", "scale of the run: cpu or gpu"),
    "key": ("", "name of the run, and of its record in data/runs/<profile>/"),
    "studies": ("", "the studies that use the run, separated by spaces; empty if none does any longer"),
}
CONFIG = {
    "scheme": (
        "",
        "method: a name of the catalogue, or that of the tableau in the next column; multistep: of the first steps; "
        "neural-ode: unused, see solver",
    ),
    "tableau": ("", "a method outside the catalogue, as JSON of its exact A and b; else empty"),
    "dataset": ("", "cifar10 (50,000 and 10,000 images) or mini-cifar10 (2,000 and 1,000)"),
    "n_train": ("images", "trained on the first so many only; empty: on all that are not held out"),
    "held_out": ("images", "training images kept aside for choosing settings"),
    "depth": ("layers", "weight layers, the stem and the head included; vit: pairs of attention and MLP"),
    "width": ("channels", "channels of every block; unet: at full resolution; vit: numbers of a token"),
    "h": ("", "step size of the method"),
    "branch": ("", "the residual function, such as conv2: two 3 × 3 convolutions, each after batch norm and ReLU"),
    "relu": ("", "whether a ReLU follows each addition"),
    "downsample": ("", "where the single stride 2 is: in the stem, or in the first convolution of the first block"),
    "remainder": ("", "whether Euler blocks fill a depth that the method does not divide"),
    "batch_norm": ("", "whether stem, branches and head have batch norm"),
    "final_norm": ("", "whether batch norm and ReLU precede the pooling"),
    "init_scale": ("", "factor on the initial weights of the last convolution of every branch"),
    "lr": ("", "learning rate at the start"),
    "momentum": ("", "momentum of stochastic gradient descent; unet, vit: first decay rate of AdamW"),
    "weight_decay": ("", "weight decay, on all parameters"),
    "batch": ("images", "batch size"),
    "schedule": ("", "of the learning rate: cosine to zero, constant, or divided by 10 at 1/2 and 3/4 of the run"),
    "epochs": ("epochs", "passes over the training images that were asked for"),
    "steps": ("steps", "the run stops after so many steps instead; empty: after its epochs"),
    "augment": ("", "whether images are cropped at random (padding 4) and flipped"),
    "precision": ("", "fp32, or bf16 for automatic mixed precision"),
    "seed": ("", "of initialisation, order and augmentation"),
    "adaptive": ("", "rule by which blocks set their coefficients; empty: they are fixed"),
    "multistep": ("", "linear multistep method of the whole stack; empty: a one-step method"),
    "architecture": ("", "single-stage (the article's), or another network"),
}
RESULTS = {
    "order": ("", "order of the method"),
    "status": (
        "",
        "done, or why it failed: diverged (a loss was not finite), or what made an ODE's solver give up",
    ),
    "epochs_done": ("epochs", "whole epochs trained"),
    "train_loss": (
        "nats",
        "mean cross-entropy (denoising: squared error of normalised pixels, no nats) over the last epoch, on augmented "
        "images, as training goes on",
    ),
    "train_accuracy": ("%", "accuracy in the same passes"),
    "train_psnr": ("dB", "denoising: peak signal-to-noise ratio in the same passes"),
    "train_iou": ("%", "segmentation: intersection over union in the same passes"),
    "test_loss": ("nats", "the same loss on the test images after the last epoch"),
    "test_accuracy": ("%", "accuracy on the test images after the last epoch, the outcome of most studies"),
    "test_psnr": ("dB", "denoising: peak signal-to-noise ratio of the test images after the last epoch"),
    "test_ssim": ("", "denoising: structural similarity of the test images after the last epoch"),
    "test_iou": ("%", "segmentation: intersection over union on the test images after the last epoch"),
    "held_out_loss": ("nats", "mean cross-entropy on the images kept aside; empty if there are none"),
    "held_out_accuracy": ("%", "accuracy on the images kept aside; empty if there are none"),
    "nfe_forward": ("", "neural-ode: evaluations of the field in a forward pass, mean over the last epoch's steps"),
    "nfe_backward": ("", "neural-ode: the same in the backward pass of an adjoint, else 0"),
    "early_loss": ("nats", "mean training loss of the last 20 of the first 300 steps; inf if the run failed in them"),
    "seconds": ("s", "wall time of the whole run"),
}
ENVIRONMENT = {
    "device": ("", "processor, with its vector instructions, or GPU"),
    "cores": ("", "processor cores of the machine"),
    "threads": ("", "threads of the run"),
    "compiled": ("", "whether torch.compile was used"),
    "python": ("", "version of Python"),
    "torch": ("", "version of torch"),
    "torchvision": ("", "version of torchvision"),
    "commit": ("", "git commit of the code; + marks a package that differed from it"),
    "date": ("", "day on which the run ended, UTC"),
}
EPOCH = {
    "profile": IDENTITY["profile"],
    "key": IDENTITY["key"],
    "epoch": ("", "number of the epoch, from 1"),
    "step": ("steps", "steps since the start"),
    "lr": ("", "learning rate at the end of the epoch"),
    **{
        name: (unit, meaning.replace("the last epoch", "the epoch").removesuffix(", the outcome of most studies"))
        for name, (unit, meaning) in RESULTS.items()
        if name.startswith(("train_", "test_", "held_out_", "nfe_"))
    },
    "seconds": ("s", "wall time of training in the epoch"),
    "eval_seconds": ("s", "wall time of the evaluation after it"),
}


def records() -> list[tuple[str, Record]]:
    """Every record of the profiles that are committed, with its profile; largest profile first.

    Records of another recipe version do not count.

    Raises:
        RecordError: a file of the store is not a record.
    """
    found = []
    for profile in AUTO:
        store = Store(profile)
        for path in sorted(set(store.folder.glob("*.json")) - set(store.outdated())):
            found.append((profile, Record.from_json(path.read_bytes(), str(path))))
    return found


def runs() -> pd.DataFrame:
    """One row a run; columns as in ``dictionary``. A field that a run's architecture does not have is empty."""
    uses = users()
    rows = []
    for profile, record in records():
        config = record.config
        results = {name: record.final.get(name) for name in RESULTS if name in EPOCH}
        rows.append(
            {"profile": profile, "key": config.key, "studies": " ".join(uses.get((profile, config.key), []))}
            | config.to_dict()
            | results
            | {name: record.environment.get(name) for name in ENVIRONMENT}
            | {"order": config.order, "status": record.status, "epochs_done": len(record.epochs)}
            | {"early_loss": early_loss(record), "seconds": record.seconds}
        )
    return pd.DataFrame(rows, columns=[*IDENTITY, *config_fields(), *RESULTS, *ENVIRONMENT]).convert_dtypes()


def epochs() -> pd.DataFrame:
    """One row an epoch of a run; ``key`` leads to the run's row in ``runs``."""
    rows = [
        {"profile": profile, "key": record.config.key} | epoch
        for profile, record in records()
        for epoch in record.epochs
    ]
    return pd.DataFrame(rows, columns=[*EPOCH]).convert_dtypes()


def dictionary() -> pd.DataFrame:
    """One row a column of the two tables: table, column, unit, meaning."""
    described = IDENTITY | config_fields() | RESULTS | ENVIRONMENT
    rows = [("runs", name, *entry) for name, entry in described.items()]
    rows += [("epochs", name, *entry) for name, entry in EPOCH.items()]
    return pd.DataFrame(rows, columns=["table", "column", "unit", "meaning"])


def write(folder: Path) -> list[Path]:
    """The three tables as CSV files in UTF-8: runs.csv, epochs.csv, dictionary.csv."""
    tables = {"runs": runs(), "epochs": epochs(), "dictionary": dictionary()}
    paths = [folder / f"{name}.csv" for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    return paths


def users() -> dict[tuple[str, str], list[str]]:
    """By profile and key, the studies that have the run."""
    found: dict[tuple[str, str], list[str]] = {}
    for profile in AUTO:
        for study in STUDIES:
            for key in dict.fromkeys(job.config.key for job in get(study).jobs(profile)):
                found.setdefault((profile, key), []).append(study)
    return found


def config_fields() -> dict[str, tuple[str, str]]:
    """Unit and meaning of every field that a run can have; those of other architectures from their docstrings."""
    found = dict(CONFIG)
    for kind in CONFIGS:
        documented = attributes(kind)
        for field in fields(kind):
            if field.name not in found:
                found[field.name] = ("", f"{', '.join(kind.ARCHITECTURES)}: {documented.get(field.name, '')}")
    return found


def attributes(kind: type[RunConfig]) -> dict[str, str]:
    """What a class's docstring says about each of its attributes."""
    section = re.search(r"^Attributes:\n(.+?)(?:\n\n|\Z)", inspect.getdoc(kind) or "", re.MULTILINE | re.DOTALL)
    if section is None:
        return {}
    entries = re.sub(r"\n\s+", " ", dedent(section[1])).splitlines()
    parts: list[Any] = [entry.partition(": ") for entry in entries]
    return {name.strip(): text.strip() for names, _, text in parts for name in names.split(",")}
