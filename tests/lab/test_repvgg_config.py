"""Runs of RepVGG: their keys, what they refuse, and that an interruption leaves no trace."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from tiny_runs import TINY, metrics

from odestack.lab import train
from odestack.lab.architectures import config_from_dict
from odestack.lab.config import ConfigError, RunConfig
from odestack.lab.records import Record
from odestack.lab.repvgg_config import RepVGGConfig
from odestack.nets.repvgg import RepVGG

SMALL = RepVGGConfig.from_dict(TINY.to_dict() | {"architecture": "repvgg", "scheme": "midpoint"})


def test_golden_key() -> None:
    """Committed records are filed under it. If this fails, mend the code, not the test."""
    assert RepVGGConfig(scheme="rk4").key == "repvgg-rk4-d50-w16-s0-445fdeb25f"


def test_it_is_the_network_that_it_says() -> None:
    network = RepVGGConfig(scheme="rk4", depth=26, width=8).network()
    assert isinstance(network, RepVGG)
    assert len(network.blocks) == 6
    assert len(list(network.branches())) == 24
    halved = RepVGGConfig(scheme="rk4", depth=26, width=8, h=0.5).network()
    assert halved.blocks[0].hb == [0.5 * weight for weight in network.blocks[0].hb]  # type: ignore[union-attr]


def test_a_record_gives_the_config_back() -> None:
    record = Record(SMALL, "done", [], [], {}, 1.0)
    assert Record.from_json(record.to_json()) == record
    assert isinstance(config_from_dict(SMALL.to_dict()), RepVGGConfig)
    assert (
        SMALL.key
        != RunConfig(**{f.name: getattr(SMALL, f.name) for f in fields(RunConfig) if f.name != "architecture"}).key
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"depth": 27}, "depth 27 is not 2 + 2k: nearest midpoint depths are 26 and 28"),
        ({"branch": "conv3"}, "branch is 'conv3', but for repvgg it must be 'conv2'"),
        ({"relu": False}, "relu is False, but for repvgg it must be True"),
        ({"remainder": True}, "remainder is True, but for repvgg it must be False"),
        ({"multistep": "ab2"}, "multistep is 'ab2', but for repvgg it must be None"),
        ({"architecture": "single-stage"}, "architecture 'single-stage' is not one of repvgg"),
    ],
)
def test_a_refusal_is_a_sentence_about_the_field(changes: dict, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        replace(SMALL, **changes)
    assert str(refused.value) == sentence


def test_work_counts_ten_ninths_of_a_layer() -> None:
    """At every order: a branch has 10 x width^2 weights, a layer of the other 9 x width^2."""
    assert {replace(SMALL, scheme=name).work for name in ("euler", "midpoint", "rk4")} == {SMALL.work}
    assert SMALL.work == pytest.approx(10 / 9 * TINY.work)


def test_a_stopped_run_resumes_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "evaluate", lambda *_: (2.3, 10.0))
    config = replace(SMALL, epochs=3)
    checkpoint = tmp_path / "run.pt"

    def stop(epoch: int, _: train.Weights) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    kept: dict[int, list[train.Weights]] = {1: [], 2: [], 3: []}

    def keep(epoch: int, weights: train.Weights) -> None:
        kept[epoch].append({name: tensor.clone() for name, tensor in weights.items()})

    with pytest.raises(KeyboardInterrupt):
        train.run(config, checkpoint=checkpoint, on_epoch=stop)
    resumed = train.run(config, checkpoint=checkpoint, on_epoch=keep)
    assert metrics(resumed) == metrics(train.run(config, on_epoch=keep))
    assert [len(runs) for runs in kept.values()] == [1, 2, 2]
    first, second = kept[3]
    assert all(torch.equal(first[name], second[name]) for name in first)
