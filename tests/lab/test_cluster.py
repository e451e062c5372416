"""A sweep on a Ray cluster that is not there, and a run on one of its nodes; for a cluster that is, see chapter 15."""

import sys
from pathlib import Path

import pytest
import torch
from tiny_runs import tiny

from odestack.lab import cluster, sweep
from odestack.lab.records import Store
from odestack.lab.sweep import Job, SweepError

OPTIONS = {"device": "cpu", "compile": False}


def test_a_run_on_a_node_has_one_thread(store: Store, folder: Path) -> None:
    torch.set_num_threads(2)
    assert cluster.run_on_node(Job(tiny(steps=2)), store, folder, OPTIONS)
    record = store.get(tiny(steps=2))
    assert record is not None
    assert record.environment["threads"] == 1


def test_a_node_that_does_not_share_the_store_says_so(store: Store, folder: Path) -> None:
    with pytest.raises(SweepError, match=r"does not see .*smoke: all nodes need the data folder at the same path"):
        cluster.run_on_node(Job(tiny()), store, folder / "elsewhere", OPTIONS)
    assert store.get(tiny()) is None


def test_without_ray_the_error_says_how_to_install_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SweepError, match=r'Ray is not installed: pip install "odestack\[cluster\]"'):
        sweep.sweep([Job(tiny())], store, ray="local")


def test_a_full_store_needs_no_cluster(store: Store) -> None:
    sweep.sweep([Job(tiny(steps=2))], store)
    assert sweep.sweep([Job(tiny(steps=2))], store, ray="nowhere:1") == []


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("auto", "no Ray cluster at 'auto' (Could not find any): `ray start --head` starts one"),
        ("local", "Ray does not start on this machine (Could not find any)"),
    ],
)
def test_no_cluster_is_a_sentence(address: str, sentence: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(address: str, **options: object) -> None:
        raise ConnectionError("Could not find any.\nMore than one line.")

    monkeypatch.setattr("ray.init", fail)
    with pytest.raises(SweepError) as refused:
        sweep.sweep([Job(tiny())], store, ray=address)
    assert str(refused.value) == sentence
