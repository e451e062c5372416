"""What a reproduction lets pass and what it finds, on records whose truth is known."""

from collections.abc import Sequence

import numpy as np
import pytest

from odestack.lab.config import RunConfig
from odestack.lab.records import Record
from odestack.reproduce import LEAST_DF, STATED, compared, tolerance

SCHEMES = ("euler", "midpoint", "heun3", "rk4")
SCATTER = 0.8


def study(accuracies: Sequence[Sequence[float]], status: str = "done") -> list[Record]:
    """One record an accuracy; rows are schemes and columns seeds."""
    row = {"epoch": 1, "step": 4, "train_loss": 1.0, "test_loss": 1.0, "seconds": 1.0}
    return [
        Record(RunConfig(scheme=scheme, seed=seed), status, [{**row, "test_accuracy": accuracy}], [], {}, 1.0)  # type: ignore[arg-type]
        for scheme, of_seeds in zip(SCHEMES, accuracies, strict=False)
        for seed, accuracy in enumerate(of_seeds)
    ]


def drawn(rng: np.random.Generator, shift: float = 0.0) -> list[list[float]]:
    return (75.0 + shift + SCATTER * rng.standard_normal((4, 5))).tolist()


def test_runs_that_behave_like_other_seeds_agree_in_19_of_20_studies() -> None:
    rng = np.random.default_rng(0)
    tables = [compared(study(drawn(rng)), study(drawn(rng))) for _ in range(200)]
    assert np.mean([not all(table["agrees"].tolist()[:-1]) for table in tables]) <= 0.08, "5 %, and 2 standard errors"
    assert np.mean([not table["agrees"].iloc[-1] for table in tables]) <= 0.08


def test_a_shift_too_small_for_one_run_is_seen_in_the_mean() -> None:
    rng = np.random.default_rng(1)
    old = drawn(rng)
    table = compared(study(old), study([[a + 2 * SCATTER for a in row] for row in old]))
    assert table["agrees"].tolist() == [True] * 20 + [False]
    assert table["difference"].iloc[-1] == pytest.approx(2 * SCATTER)


def test_one_run_far_off_is_found() -> None:
    old = drawn(np.random.default_rng(2))
    new = [row.copy() for row in old]
    new[3][4] -= 10 * SCATTER
    assert compared(study(old), study(new))["agrees"].tolist()[:20] == [True] * 19 + [False]


def test_the_same_records_differ_by_nothing() -> None:
    records = study(drawn(np.random.default_rng(3)))
    table = compared(records, records)
    assert set(table["difference"]) == {0.0}
    assert set(table["agrees"]) == {True}


def test_a_run_that_fails_where_its_record_did_not_disagrees() -> None:
    done, failed = study([[75.0, 76.0]]), study([[10.0, 10.0]], status="diverged")
    assert compared(done, [done[0], failed[1]])["agrees"].tolist() == [True, False, True]
    assert compared(failed, failed)["agrees"].tolist() == [True, True]
    assert compared(failed, done)["agrees"].tolist() == [False, False]


def test_the_scatter_is_that_between_seeds_of_one_arm() -> None:
    apart = tolerance(study([[70.0 + 5 * arm + seed for seed in range(5)] for arm in range(4)]))
    assert apart.scatter is not None
    assert apart.scatter == pytest.approx(np.std(range(5), ddof=1))
    assert (apart.runs, apart.df) == (20, 16)
    assert apart.mean < apart.scatter < apart.one_run


def test_with_few_seeds_the_tolerance_is_the_stated_one() -> None:
    few = tolerance(study([[70.0, 71.0]] * 4))
    assert few.df < LEAST_DF
    assert few.scatter is None
    assert few.one_run == few.mean == STATED["accuracy"]
