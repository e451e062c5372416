"""The studies whose networks are wired in other ways: nesting, adaptive coefficients, multistep stacks, the anchor."""

import math

import pytest

from odestack.lab import train
from odestack.lab.records import Record
from odestack.methods import catalogue
from odestack.nets.cost import cost
from odestack.studies import adaptive, anchor, depth_by_order, evidence, methods, multistep, nesting, schedule
from odestack.studies.frame import early_loss

ROW = {"epoch": 4, "step": 1560, "train_loss": 1.0, "test_loss": 1.1, "test_accuracy": 70.0}
WIRED = (nesting, adaptive, multistep)


def records(study, profile="cpu", **row):
    return [Record(job.config, "done", [ROW | row], [1.5] * 400, {}, 60.0) for job in study.jobs(profile)]


@pytest.mark.parametrize("study", [*WIRED, anchor], ids=lambda study: study.__name__.rsplit(".", 1)[-1])
@pytest.mark.usefixtures("few_test_images")
def test_smoke_runs_give_rows(study):
    """Every arm is trained for four steps on mini-cifar10."""
    done = [train.run(job.config) for job in study.jobs("smoke")]
    assert {(record.status, record.final["step"]) for record in done} == {("done", 4)}
    table = study.table(done)
    assert len(table) == len(done)
    assert table["accuracy"].notna().all()


@pytest.mark.parametrize("study", WIRED, ids=lambda study: study.__name__.rsplit(".", 1)[-1])
def test_all_arms_cost_the_same_but_for_what_they_learn_beside(study):
    """Equal multiplications; parameters differ by the 23 k_n of LM-ResNet and the 17 of each of four gates."""
    costs = [cost(job.config.network()) for job in study.jobs("cpu") if job.config.seed == 0]
    convolutions = {counted.evaluations for counted in costs}
    assert convolutions == {24}
    assert len({counted.macs for counted in costs}) == 1
    extra = {counted.parameters - min(c.parameters for c in costs) for counted in costs}
    assert extra == {nesting: {0}, adaptive: {0, 4 * 17}, multistep: {0, 23}}[study]


def test_plain_arms_are_runs_of_other_studies():
    keys = {job.config.key for job in methods.jobs("cpu")}
    shared = {study: [job for job in study.jobs("cpu") if job.config.key in keys] for study in WIRED}
    assert [len(jobs) for jobs in shared.values()] == [2 * 2, 2 * 2, 3 * 2]
    assert {job.config.scheme for job in shared[adaptive]} == set(adaptive.SCHEMES)


def test_nesting_names_outer_and_inner_method():
    table = nesting.table(records(nesting))
    arms = table[table["seed"] == 0].set_index("arm")
    columns = ["outer", "inner", "stages", "order"]
    assert {arm: dict(arms.loc[arm, columns]) for arm in arms.index} == {
        "midpoint": {"outer": "midpoint", "inner": "euler", "stages": 2, "order": 2},
        "rk4": {"outer": "rk4", "inner": "euler", "stages": 4, "order": 4},
        "midpoint of midpoint": {"outer": "midpoint", "inner": "midpoint", "stages": 4, "order": 1},
        "midpoint of rk4": {"outer": "midpoint", "inner": "rk4", "stages": 8, "order": 1},
        "rk4 of midpoint": {"outer": "rk4", "inner": "midpoint", "stages": 8, "order": 1},
        "heun3 of midpoint": {"outer": "heun3", "inner": "midpoint", "stages": 6, "order": 1},
    }


def test_early_loss_is_that_of_steps_281_to_300():
    config = nesting.jobs("cpu")[0].config
    losses = [float(step) for step in range(1, 401)]
    record = Record(config, "done", [ROW], losses, {}, 1.0)
    assert early_loss(record) == pytest.approx(290.5)
    assert early_loss(Record(config, "diverged", [], losses[:310], {}, 1.0)) == pytest.approx(290.5)
    assert early_loss(Record(config, "diverged", [], losses[:299], {}, 1.0)) == math.inf


def test_only_the_errors_of_dormand_and_prince_leave_a_remainder():
    table = adaptive.table(records(adaptive))
    assert set(table["rule"]) == {"fixed", "step", "blend", "mean", "gate"}
    filled = table[table["remainder"]]
    assert set(zip(filled["scheme"], filled["rule"], strict=True)) == {
        ("dormand_prince5", "step"),
        ("dormand_prince5", "blend"),
        ("dormand_prince5", "mean"),
    }


def test_rules_are_compared_with_fixed_coefficients_in_an_equal_layout():
    rows = adaptive.table(records(adaptive)).to_dict("records")
    filled = {(row["scheme"], row["rule"]): row["remainder"] for row in rows}
    controls = {(scheme, rule): adaptive.control(scheme, rule) for scheme, rule in filled if rule != adaptive.FIXED}
    equal = {case for case, control in controls.items() if filled[case] == filled[case[0], control]}
    assert controls.keys() - equal == {("dormand_prince5", "mean")}
    assert {case for case, control in controls.items() if control != adaptive.FIXED} == {
        ("dormand_prince5", "step"),
        ("dormand_prince5", "blend"),
    }


def test_coefficients_by_epoch_and_block():
    done = records(adaptive, coefficients=[0.7, 0.8, 0.9])
    frame = adaptive.coefficients([record for record in done if record.config.adaptive])
    one = frame[(frame["scheme"] == "fehlberg45") & (frame["rule"] == "step") & (frame["seed"] == 1)]
    assert list(zip(one["epoch"], one["block"], one["coefficient"], strict=True)) == [
        (4, 1, 0.7),
        (4, 2, 0.8),
        (4, 3, 0.9),
    ]
    assert len(frame) == 3 * 2 * (3 + 4)
    assert list(adaptive.coefficients([]).columns) == list(frame.columns)
    assert adaptive.coefficients(records(adaptive)).empty


def test_multistep_arms_and_their_integration_times():
    table = multistep.table(records(multistep))
    arms = table[table["seed"] == 0].set_index("arm")
    assert arms["T"].to_dict() == {"euler": 24, "midpoint": 12, "rk4": 6, "ab2": 23, "ab3": 20, "lm": 24}
    assert arms["order"].to_dict() == {"euler": 1, "midpoint": 2, "rk4": 4, "ab2": 2, "ab3": 3, "lm": 1}
    assert set(table.loc[table["multistep"], "arm"]) == {"ab2", "ab3", "lm"}


def test_learned_weights_by_epoch_and_step():
    lm = [record for record in records(multistep, coefficients=[-0.1, 0.2]) if record.config.multistep == "lm"]
    frame = multistep.coefficients(lm)
    assert frame.to_numpy().tolist() == [[seed, 4, step, k] for seed in (0, 1) for step, k in ((2, -0.1), (3, 0.2))]
    assert list(multistep.coefficients([]).columns) == ["seed", "epoch", "step", "k"]


def test_the_anchor_is_the_published_recipe_at_gpu_only():
    jobs = anchor.jobs("gpu")
    assert [job.config.seed for job in jobs] == [0, 1, 2, 3, 4]
    config = jobs[0].config
    assert (config.architecture, config.batch, config.total_steps) == ("resnet20", 128, 64_000)
    assert (config.lr, config.momentum, config.weight_decay, config.augment) == (0.1, 0.9, 1e-4, True)
    assert (config.dataset, config.train_images) == ("cifar10", 50_000)
    assert anchor.jobs("cpu") == []
    assert anchor.table(records(anchor, "gpu"))["accuracy"].tolist() == [70.0] * 5
    assert anchor.table([]).empty


@pytest.mark.usefixtures("empty_data")
def test_without_a_record_the_anchor_is_said_not_to_be_run():
    found = evidence.gather("anchor")
    assert found.records == []
    assert found.profile == "gpu"
    assert "5 runs have no record yet" in str(found.statement().data)
    assert "anchor" in schedule.overview(["anchor"], "cpu")


def test_multistep_stacks_start_with_a_method_of_their_order():
    orders = {name: catalogue.get(start).order for name, start in multistep.STARTS.items()}
    assert orders == {"ab2": 2, "ab3": 3, "lm": 1}
    assert set(multistep.SCHEMES) < {*depth_by_order.SCHEMES}
