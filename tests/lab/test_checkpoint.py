"""An interruption leaves no trace: a killed run ends as an uninterrupted one, also from a damaged checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from killed import killed, two_epochs
from tiny_runs import copied, final_weights, metrics, same, tiny

from odestack.lab import train
from odestack.lab.checkpoint import read_checkpoint
from odestack.lab.config import RunConfig
from odestack.lab.unet_config import UNetConfig
from odestack.lab.vit_config import ViTConfig

pytestmark = pytest.mark.usefixtures("few_test_images")


@pytest.mark.parametrize(
    "changes",
    [
        {"scheme": "rk4"},
        {"scheme": "fehlberg45", "depth": 14, "adaptive": "step"},
        {"scheme": "fehlberg45", "depth": 14, "adaptive": "gate"},
        {"multistep": "lm"},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_a_killed_run_resumes_to_the_same_bits(changes: dict[str, Any], folder: Path) -> None:
    config = tiny(epochs=3, **changes)
    resumed = resumed_to_the_same_bits(config, folder)
    assert all(("coefficients" in row) is (changes != {"scheme": "rk4"}) for row in resumed.epochs)


@pytest.mark.parametrize("kind", [UNetConfig, ViTConfig])
def test_so_does_one_of_another_network(kind: type[RunConfig], folder: Path) -> None:
    """The noise of its images and the moments of its optimiser included."""
    depth = {UNetConfig: 18, ViTConfig: 3}[kind]
    resumed_to_the_same_bits(
        kind(dataset="mini-cifar10", n_train=128, depth=depth, width=4, batch=32, epochs=3), folder
    )


def resumed_to_the_same_bits(config: RunConfig, folder: Path) -> train.Record:
    checkpoint = folder / "run.pt"
    killed(two_epochs, config, checkpoint)
    saved = read_checkpoint(checkpoint, torch.device("cpu"), config.network())
    assert saved is not None
    assert saved["step"] == 4

    trained: list[int] = []
    kept: list[train.Weights] = []

    def on_epoch(epoch: int, weights: train.Weights) -> None:
        trained.append(epoch)
        kept.append(copied(weights))

    resumed = train.run(config, checkpoint=checkpoint, on_epoch=on_epoch)
    uninterrupted, weights = final_weights(config)
    assert trained == [2, 3]
    assert metrics(resumed) == metrics(uninterrupted)
    assert same(kept[-1], weights)
    return resumed


@pytest.mark.parametrize("damage", ["truncated", "foreign", "empty", "another pickle", "another network"])
def test_a_damaged_checkpoint_starts_the_run_over(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = tmp_path / "run.pt"
    other = {"width": 5} if damage == "another network" else {}
    with pytest.raises(KeyboardInterrupt):
        train.run(tiny(**other), checkpoint=checkpoint, on_epoch=interrupt)
    content = checkpoint.read_bytes()
    if damage == "another pickle":
        torch.save({"step": 4}, checkpoint)
    elif damage != "another network":
        damaged = {"truncated": content[: len(content) // 2], "foreign": b"hello", "empty": b""}
        checkpoint.write_bytes(damaged[damage])
    record = train.run(tiny(), checkpoint=checkpoint)
    assert "checkpoint run.pt is damaged or of another network: removed, its run starts over" in capsys.readouterr().err
    assert metrics(record) == metrics(train.run(tiny()))


def interrupt(epoch: int, _: train.Weights) -> None:
    if epoch == 2:
        raise KeyboardInterrupt
