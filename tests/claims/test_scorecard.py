"""From the records in a store to the verdicts of all claims, and how they are shown."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from odestack import claims
from odestack.claims import INCONCLUSIVE, NOT_RUN, REPRODUCED, Verdict, answer
from odestack.claims.display import chance, probability, with_interval
from odestack.lab.config import ConfigError, RunConfig
from odestack.lab.measurements import Measured, Measurement, SurfaceConfig
from odestack.lab.records import Record, Store
from odestack.studies import STUDIES, get
from odestack.studies.evidence import Evidence, gather
from odestack.studies.statistics import Contrast

pytestmark = pytest.mark.usefixtures("empty_data")


def made(
    study: str, profile: str = "cpu", gain: Callable[[RunConfig], float] = lambda config: 0.0
) -> list[Record | Measured]:
    """Records of the whole study with test accuracy 80 + gain + noise, and measurements of noisy paraboloids."""
    rng = np.random.default_rng(len(study))
    row = {
        "epoch": 4,
        "step": 1560,
        "train_loss": 1.0,
        "test_loss": 1.1,
        "held_out_accuracy": 79.0,
        "nfe_forward": 20.0,
    }

    def record(config: RunConfig) -> Record:
        accuracy = 80 + gain(config) + rng.normal(0, 0.1)
        return Record(
            config,
            "done",
            [row | {"test_accuracy": accuracy, "test_psnr": 29 + rng.normal(0, 0.02)}],
            list(1.5 + rng.normal(0, 0.01, 300)),
            {},
            60.0,
        )

    def measured(config: Measurement) -> Measured:
        hessian = {name: 1.0 + rng.random(2) for name in ("trace", "normalised_trace")}
        hessian |= {name: 1.0 + rng.random(1) for name in ("largest", "smallest", "normalised_largest")}
        if not isinstance(config, SurfaceConfig):
            return Measured(config, hessian, "", {}, 60.0)
        x = np.linspace(-1, 1, config.points)
        losses = 1 + x**2 + x[:, None] ** 2 + 0.1 * rng.random((len(x), len(x)))
        return Measured(config, {"x": x, "y": x, "losses": losses}, "", {}, 60.0)

    configs = [job.config for job in get(study).jobs(profile)]
    return [measured(config) if isinstance(config, Measurement) else record(config) for config in configs]


def put(records: list[Record | Measured], profile: str = "cpu") -> None:
    for record in records:
        Store(profile).put(record)


def order_4(config: RunConfig) -> float:
    return 2.0 * (config.scheme == "rk4")


def by_id(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.claim.id: verdict for verdict in verdicts}


def test_all_claims_are_listed_in_order_and_without_records_not_run():
    verdicts = claims.scorecard()
    assert [each.claim.id for each in verdicts] == [f"C{i}" for i in range(1, 22)]
    assert {each.claim.id for each in verdicts if each.verdict != NOT_RUN} == {"C1"}
    assert all(each.claim.chapter for each in verdicts)


def test_every_rule_reads_the_table_of_its_study():
    """With all records there, every claim that has rules has effects in all its directions."""
    for study in STUDIES:
        if study != "anchor":
            put(made(study))
    verdicts = [each for each in claims.scorecard("cpu") if each.claim.rules]
    for each in verdicts:
        assert each.finding.directions
        assert all(direction.effect is not None for direction in each.finding.directions), each.claim.id
        assert each.finding.missing == 0
        assert each.finding.runs > 0
    assert by_id(verdicts)["C7"].verdict == INCONCLUSIVE, "nothing failed"
    assert by_id(verdicts)["C18"].finding.runs == 18
    assert by_id(verdicts)["C18"].finding.seeds == 3


def test_equal_cost_is_counted_and_holds():
    (verdict,) = claims.about("C1")
    assert verdict.verdict == REPRODUCED
    assert verdict.p_value is None


def test_a_page_shows_the_verdicts_of_the_whole_scorecard():
    put(made("headline", gain=order_4))
    put(made("downsampling"))
    whole = by_id(claims.scorecard())
    found = claims.about("C18", "C2")
    assert [each.claim.id for each in found] == ["C18", "C2"]
    assert [each.p_value for each in found] == [whole["C18"].p_value, whole["C2"].p_value]
    tested = sum(each.finding.tested for each in whole.values())
    assert tested > len(found)
    assert whole["C18"].p_value == pytest.approx(tested * whole["C18"].finding.p_value, rel=1e-9, abs=0)


def test_no_such_claim_or_profile():
    with pytest.raises(ConfigError, match="no claim is called 'C99'; the claims are C1, C2"):
        claims.about("C99")
    with pytest.raises(ConfigError, match="auto, smoke, cpu, gpu"):
        claims.scorecard("huge")


def test_the_evidence_of_a_claim_is_of_one_profile():
    """C2 rests on two studies, of which only one is complete at the gpu profile; C18 on that one alone."""
    put(made("headline", gain=order_4))
    put(made("headline", "gpu"), "gpu")
    put(made("depth_by_order"))
    found = by_id(claims.scorecard())
    assert found["C18"].finding.profile == "gpu"
    assert found["C2"].finding.profile == "cpu"
    assert found["C2"].finding.missing == 0
    asked = by_id(claims.scorecard("cpu"))
    assert asked["C18"].finding.profile == "cpu"
    assert asked["C18"].finding.p_value != found["C18"].finding.p_value


def test_fresh_evidence_takes_the_place_of_its_study_and_no_other():
    put(made("headline"))
    put(made("depth_by_order"))
    worse_when_deep = Evidence(
        "headline", "cpu", made("headline", gain=lambda c: order_4(c) - 0.05 * c.depth * (c.scheme == "euler")), []
    )
    old, new = by_id(claims.scorecard("cpu")), by_id(claims.scorecard("cpu", worse_when_deep))
    changed = {
        id: [
            study
            for study in old[id].finding.by_study
            if old[id].finding.by_study[study] != new[id].finding.by_study[study]
        ]
        for id in old
    }
    assert {id: studies for id, studies in changed.items() if studies} == {"C2": ["headline"], "C18": ["headline"]}
    assert new["C18"].verdict == REPRODUCED != old["C18"].verdict


def test_the_table_of_a_page():
    put(made("headline", gain=order_4)[:4])
    table = claims.table(claims.about("C1", "C18", "C15"))
    assert table.columns.tolist() == ["verdict", "effect", "estimate", "asked", "runs", "p (Holm)"]
    shown = table.loc["C18"].iloc[0]
    assert re.fullmatch(r"\+\d\.\d\d", shown["estimate"])
    assert shown.drop("estimate").tolist() == [
        "inconclusive at this scale (provisional)",
        "RK4 − Euler at depth 30",
        "> 0 points",
        4,
        "1.000",
    ]
    assert set(table.loc["C15"].drop(columns=["effect", "asked"]).to_numpy().ravel()) == {"–", NOT_RUN}
    put(made("headline", gain=order_4))
    estimate = claims.table(claims.about("C18"))["estimate"].iloc[0]
    assert re.fullmatch(r"\+\d\.\d\d \[\+\d\.\d\d, \+\d\.\d\d\]", estimate)


def test_a_reader_sees_what_holms_correction_does():
    put(made("headline", gain=order_4))
    put(made("downsampling", gain=order_4))
    found = by_id(claims.scorecard())["C18"]
    before, after = found.finding.p_value, found.p_value
    assert after is not None
    assert after > before
    shown = chance(found)
    assert shown == f"p: {probability(before)}, after Holm's correction {probability(after)}"
    assert shown in claims.text([found])
    assert shown in claims.markdown([found], claims.github_link)
    assert claims.table([found])["p (Holm)"].iloc[0] == probability(after)
    assert [probability(p) for p in (None, 0.0237, 0.0004)] == ["", "0.024", "< 0.001"]


def test_an_effect_is_told_with_its_interval():
    assert with_interval(Contrast(1.0, 1.0, 10)) == "+1.00 points (95 % interval −1.23 to +3.23)"
    assert with_interval(Contrast(-0.5, 0.0, 0), "dB") == "−0.50 dB (no interval: one seed only)"


def test_the_frame_has_one_row_a_direction():
    put(made("downsampling"))
    verdicts = claims.scorecard()
    frame = claims.frame(verdicts)
    assert len(frame) == sum(max(1, len(each.finding.directions)) for each in verdicts)
    c8 = frame.loc[frame["claim"] == "C8"]
    low, estimate, high = (np.array(c8[column]) for column in ("low", "estimate", "high"))
    assert np.all(low < estimate)
    assert np.all(estimate < high)
    assert set(c8["profile"]) == {"cpu"}


def test_the_terminal_shows_effect_interval_runs_seeds_profile_and_chapter():
    put(made("headline", gain=order_4))
    text = claims.text(claims.about("C18"))
    assert "reproduced; 18 runs, 3 seeds; profile cpu; chapter 05_depth_and_order" in text
    assert re.search(r"RK4 − Euler at depth 30: \+\d\.\d\d \[\+\d\.\d\d, \+\d\.\d\d\] points, asked: > 0", text)


def test_missing_runs_are_counted_and_make_a_verdict_provisional():
    put(made("headline", gain=order_4)[:6])
    verdicts = claims.scorecard()
    text = claims.text([by_id(verdicts)["C18"]])
    assert "6 runs, 1 seed, 12 missing" in text
    assert f"{INCONCLUSIVE} (provisional)" in text
    said = answer.sentences(verdicts, gather("depth_by_order", "cpu"))
    assert said.endswith("Provisional, since runs are missing: C2, C18")
    put(made("headline", gain=order_4))
    assert "provisional" not in claims.text(claims.about("C18"))


def test_studies_that_should_get_another_seed_are_named():
    noise = np.random.default_rng(0)
    put(made("downsampling", gain=lambda config: noise.normal(0, 5)))
    (verdict,) = claims.about("C8")
    assert verdict.verdict == INCONCLUSIVE
    assert "asks for another seed of downsampling" in claims.text([verdict])
    assert "asks for another seed of downsampling" in claims.markdown([verdict], claims.book_link)


def test_the_markdown_table_links_chapters():
    lines = claims.markdown(claims.scorecard(), claims.book_link).splitlines()
    assert len(lines) == 2 + len(claims.CLAIMS)
    assert {line.count("|") for line in lines} == {7}
    assert lines[3].startswith("| {doc}`C2 <05_depth_and_order>` |")
    assert lines[16].startswith("| {doc}`C15 <14_loss_surfaces>` |")


def test_the_computed_parts_of_the_readme_are_put_between_their_markers():
    verdicts = claims.scorecard()
    answer = ("<!-- answer -->", "<!-- end of answer -->")
    table = ("<!-- scorecard -->", "<!-- end of scorecard -->")
    new = claims.in_readme("\nold\n".join(["before", *answer, "between", *table, "after"]), verdicts)
    assert f"before\nold\n{answer[0]}\n**The answer so far.** RK4 in place of Euler" in new
    assert f"*not run*.\n{answer[1]}\nold\nbetween\nold\n{table[0]}\n| claim |" in new
    assert new.endswith(f"|\n{table[1]}\nold\nafter")
    assert claims.in_readme(new, verdicts) == new
    with pytest.raises(ValueError, match="lacks the lines"):
        claims.in_readme(new.replace(answer[1], ""), verdicts)
