"""One training run: its numbers and its end."""

import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from tiny_runs import final_weights, metrics, same, tiny
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from odestack.lab import cifar, environment, train
from odestack.lab.config import RunConfig
from odestack.lab.neural_ode_config import NeuralODEConfig
from odestack.methods import catalogue
from odestack.nets.adaptive import RULES
from odestack.nets.coefficients import coefficients
from odestack.nets.multistep import STACKS

STARTS = ("midpoint", "heun3", "euler")
"""Of the stacks in ``STACKS``."""


def test_fp32_on_a_gpu_is_not_rounded_to_tf32() -> None:
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_run_is_deterministic_and_its_seed_matters() -> None:
    first, first_weights = final_weights(tiny())
    again, again_weights = final_weights(tiny())
    other, _ = final_weights(tiny(seed=1))
    assert metrics(first) == metrics(again)
    assert same(first_weights, again_weights)
    assert metrics(first) != metrics(other)
    assert [row["epoch"] for row in first.epochs] == [1, 2]
    assert [row["step"] for row in first.epochs] == [4, 8]
    assert len(first.early_loss) == 8


def test_rows_are_what_they_say() -> None:
    record = train.run(tiny())
    for row in record.epochs:
        losses = record.early_loss[row["step"] - 4 : row["step"]]  # type: ignore[misc]
        assert row["train_loss"] == pytest.approx(sum(losses) / 4, rel=1e-6)
        assert row["lr"] == pytest.approx(tiny().learning_rate(int(row["step"]) - 1), rel=1e-6)
    assert record.environment["threads"] == 1
    assert math.log(10) / 2 < record.early_loss[0] < 2 * math.log(10)


def test_a_run_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred steps on 128 images bring the loss from log 10 = 2.3 of guessing well down."""
    monkeypatch.setattr(train, "evaluate", lambda *_: (0.0, 0.0))
    record = train.run(tiny(scheme="rk4", width=16, epochs=25, augment=False))
    assert record.final["train_loss"] < 1.7
    assert record.final["train_accuracy"] > 35


def test_steps_end_the_run_within_an_epoch() -> None:
    record = train.run(tiny(steps=6))
    assert [row["step"] for row in record.epochs] == [4, 6]
    assert len(record.early_loss) == 6


def test_evaluation_counts_every_image_once() -> None:
    config = tiny()
    network = train.initial_network(config)
    split = cifar.load("mini-cifar10")[1]
    loss, accuracy = train.evaluate(network, split, config, batch=300)
    network.eval()
    with torch.no_grad():
        logits = network(cifar.normalise(split.images))
    assert loss == pytest.approx(F.cross_entropy(logits, split.labels).item(), rel=1e-5)
    assert accuracy == pytest.approx(100 * (logits.argmax(1) == split.labels).float().mean().item())


def test_initialisation_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train.initial_network(tiny())
    assert torch.equal(torch.rand(3), expected)


def test_streams_are_independent() -> None:
    draws = {
        (seed, name, epoch): train.stream(seed, name, epoch).initial_seed()
        for seed in range(3)
        for name in ("init", "order", "augment")
        for epoch in range(50)
    }
    assert len(set(draws.values())) == len(draws)


def test_a_step_is_that_of_a_plain_loop() -> None:
    """Channels last, fused and in batches against NCHW, unfused: the same losses to fp32 rounding."""
    config = tiny(scheme="rk4", augment=False, schedule="constant", lr=0.05)
    record = train.run(config)
    split = cifar.load("mini-cifar10")[0]
    network = train.initial_network(config).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    losses: list[float] = []
    for epoch in range(config.epochs):
        order = torch.randperm(128, generator=train.stream(0, "order", epoch))
        images = (split.images[order] / 255 - torch.tensor(cifar.MEAN).view(3, 1, 1)) / torch.tensor(cifar.STD).view(
            3, 1, 1
        )
        for batch, labels in DataLoader(TensorDataset(images, split.labels[order]), config.batch):
            loss = F.cross_entropy(network(batch), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(record.early_loss), rtol=2e-4, atol=0)


def gradient(config: RunConfig) -> tuple[float, Tensor]:
    """Loss and the whole gradient at initialisation, on one batch."""
    network = train.initial_network(config)
    split = cifar.load("mini-cifar10")[0]
    images, labels = cifar.normalise(split.images[: config.batch]), split.labels[: config.batch]
    with train.autocast(config, torch.device("cpu")):
        logits = network(images).float()
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("scheme", ["euler", "midpoint", "heun3", "rk4"])
def test_bf16_agrees_with_fp32(scheme: str) -> None:
    """On the shapes of the study: loss within 1 %, gradients with a cosine above 0.93 and lengths within 10 %.

    bf16 has 8 bits, which batch norms amplify on the way back: measured cosines are 0.97 (Euler) to 0.997 (RK4).
    """
    config = RunConfig(dataset="mini-cifar10", scheme=scheme, depth=26, width=16)
    loss, exact = gradient(config)
    rounded_loss, rounded = gradient(dataclasses.replace(config, precision="bf16"))
    assert not torch.equal(exact, rounded)
    assert rounded_loss == pytest.approx(loss, rel=0.01)
    assert F.cosine_similarity(rounded, exact, dim=0) > 0.93
    assert rounded.norm().item() == pytest.approx(exact.norm().item(), rel=0.1)


@pytest.mark.parametrize("scheme", ["euler", "rk4"])
def test_divergence_is_a_record(scheme: str) -> None:
    record = train.run(tiny(scheme=scheme, depth=26, lr=1000.0, batch_norm=False, epochs=4))
    assert record.status == "diverged"
    assert all(math.isfinite(value) for value in record.early_loss)
    assert all(math.isfinite(value) for row in record.epochs for value in row.values())
    assert 1 <= len(record.early_loss) < 16

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in the JSON")

    json.loads(record.to_json(), parse_constant=refuse)
    assert train.Record.from_json(record.to_json()) == record


def test_a_run_whose_evaluation_is_not_finite_has_diverged(monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter([(2.3, 10.0), (math.nan, 10.0)])
    monkeypatch.setattr(train, "evaluate", lambda *_: next(results))
    record = train.run(tiny(epochs=3))
    assert record.status == "diverged"
    assert [row["epoch"] for row in record.epochs] == [1]


def test_so_has_one_whose_held_out_loss_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter([(2.3, 10.0), (math.inf, 10.0)])
    monkeypatch.setattr(train, "evaluate", lambda *_: next(results))
    record = train.run(tiny(epochs=1, n_train=None, held_out=500, steps=1))
    assert (record.status, record.epochs) == ("diverged", [])


def test_a_record_names_the_commit_that_was_there_when_its_run_began(monkeypatch: pytest.MonkeyPatch) -> None:
    head = ["before"]
    monkeypatch.setattr(environment, "_git", lambda _, command, *__: head[0] if command == "rev-parse" else "")
    environment.commit.cache_clear()
    try:
        record = train.run(tiny(steps=1), on_epoch=lambda *_: head.__setitem__(0, "after"))
    finally:
        environment.commit.cache_clear()
    assert (record.environment["commit"], head) == ("before", ["after"])


@pytest.mark.parametrize("name", catalogue.names())
def test_every_method_trains(name: str) -> None:
    method = catalogue.get(name)
    record = train.run(tiny(scheme=name, depth=2 + 2 * len(method.used_stages), width=4, steps=2, h=0.5))
    assert record.status == "done"
    assert record.final["step"] == 2


def test_held_out_images_are_evaluated_and_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(epochs=1, n_train=None, held_out=500)
    seen: list[int] = []
    batches = cifar.batches

    def watched(split: cifar.Split, size: int, *, order: torch.Tensor, **options: Any) -> Any:
        seen.extend(order.tolist())
        return batches(split, size, order=order, **options)

    monkeypatch.setattr(cifar, "batches", watched)
    final = train.run(config).final
    assert sorted(seen) == list(range(1_500))
    assert 0 <= final["held_out_accuracy"] <= 100
    assert final["held_out_loss"] != final["test_loss"]
    assert "held_out_accuracy" not in train.run(tiny(epochs=1)).final


@pytest.mark.parametrize("rule", RULES)
def test_the_coefficients_after_each_epoch_are_recorded(rule: str) -> None:
    """Those of the weights then, on the first test images, with running statistics."""
    config = tiny(scheme="fehlberg45", depth=26, adaptive=rule)
    record, weights = final_weights(config)
    network = train.initial_network(config)
    network.load_state_dict(weights)
    images = cifar.normalise(cifar.load("mini-cifar10")[1].images[: train.EVALUATION_BATCH])
    first, last = (row["coefficients"] for row in record.epochs)
    assert last == pytest.approx(coefficients(network.eval(), images), rel=1e-5)
    assert len(first) == len(last) == 2  # type: ignore[arg-type]
    assert (first == last) == (rule == "mean")
    assert train.Record.from_json(record.to_json()) == record


def test_lm_records_its_weights_and_they_learn() -> None:
    config = tiny(multistep="lm", lr=1.0)
    record, weights = final_weights(config)
    assert record.final["coefficients"] == pytest.approx(weights["blocks.0.weights"].tolist(), rel=1e-6)
    initial = train.initial_network(config).blocks[0].weights.tolist()  # type: ignore[union-attr]
    assert max(abs(a - b) for a, b in zip(initial, record.final["coefficients"], strict=True)) > 1e-3  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "changes",
    [
        *({"scheme": "dormand_prince5", "depth": 26, "remainder": True, "adaptive": rule} for rule in RULES),
        *({"scheme": start, "depth": 18, "multistep": name} for name, start in zip(STACKS, STARTS, strict=True)),
        {"architecture": "resnet20", "depth": 20, "width": 16},
    ],
    ids=lambda changes: "-".join(map(str, changes.values())),
)
def test_every_other_wiring_trains(changes: dict[str, Any], precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "evaluate", lambda *_: (0.0, 0.0))
    monkeypatch.setattr(train, "EVALUATION_BATCH", 32)
    record = train.run(tiny(**{"width": 8, **changes}, steps=2, n_train=64, precision=precision))
    assert record.status == "done"
    assert record.final["step"] == 2


@pytest.mark.usefixtures("few_test_images")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_branches_computed_again_in_the_backward_pass_change_nothing(precision: str) -> None:
    """Also not the running statistics of batch norm, which the weights hold."""
    config = tiny(scheme="rk4", precision=precision)
    record, weights = final_weights(config)
    again, again_weights = final_weights(config, recompute=True)
    assert metrics(again) == metrics(record)
    assert same(again_weights, weights)


def test_recompute_fits_neither_compile_nor_a_neural_ode() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        train.run(tiny(), recompute=True, compile=True)
    with pytest.raises(ValueError, match="does not fit a neural ODE"):
        train.run(NeuralODEConfig(dataset="mini-cifar10", width=8, n_train=128, batch=32), recompute=True)
