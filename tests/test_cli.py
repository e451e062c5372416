"""The command line: what it prints, and one sentence with exit code 2 for what it cannot do."""

import json
import subprocess
import sys
from dataclasses import fields

import pytest

from odestack.cli import main


def odestack(*arguments, capsys, monkeypatch):
    """Exit code, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["odestack", *arguments])
    try:
        main()
        code = 0
    except SystemExit as exit:
        code = int(exit.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def call(capsys, monkeypatch, empty_data):
    """Every call has a store of its own, so that no test can train into, or read from, that of the repository."""
    return lambda *arguments: odestack(*arguments, capsys=capsys, monkeypatch=monkeypatch)


SMALL = ("--dataset", "mini-cifar10", "--depth", "26", "--width", "4", "--batch", "16", "--steps", "2")


def test_methods_lists_every_method_with_its_order(call):
    code, out, _ = call("methods")
    rows = {line.split()[0]: line.split() for line in out.splitlines()[1:]}
    assert code == 0
    assert rows["rk4"][1:5] == ["4", "4", "–", "2.7853"]
    assert rows["cooper_verner8"][2] == "8"


def test_methods_shows_one_with_its_conditions(call):
    _, out, _ = call("methods", "heun3")
    assert "order 3: b·A c = 1/6   holds" in out
    assert "fails by" in out


def test_a_method_from_a_file_is_judged_and_trained(call, empty_data, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"A": [[], ["2/3"]], "b": ["1/4", "3/4"]}))
    code, out, _ = call("methods", "--tableau", str(file))
    assert code == 0
    assert out.splitlines()[1].split()[:3] == ["mine", "2", "2"]
    code, out, _ = call("train", "--tableau", str(file), *SMALL)
    assert code == 0
    (record,) = (empty_data / "runs" / "own").glob("mine-*.json")
    assert json.loads(record.read_text())["status"] == "done"


def test_train_stores_a_record_and_a_second_call_finds_it(call, empty_data):
    code, first, _ = call("train", "--scheme", "rk4", *SMALL)
    assert code == 0
    assert "test accuracy" in first
    (record,) = (empty_data / "runs" / "own").glob("rk4-*.json")
    written = record.stat().st_mtime_ns
    assert call("train", "--scheme", "rk4", *SMALL)[1] == first
    assert record.stat().st_mtime_ns == written


def row(table, name):
    """Runs and missing runs of a study in an overview."""
    (line,) = [line for line in table.splitlines() if line.startswith(f"{name} ")]
    return line.split()[1:3]


def test_sweep_fills_the_store_and_runs_tells(call, empty_data):
    assert row(call("sweep", "depth_by_order", "--profile", "smoke", "--dry-run")[1], "depth_by_order") == ["10", "10"]
    everything = call("sweep", "--profile", "smoke", "--dry-run")[1]
    assert row(everything, "depth_by_order") == ["10", "10"]
    assert call("sweep", "all", "--profile", "smoke", "--dry-run")[1] == everything
    assert not (empty_data / "runs").exists()
    code, out, _ = call("sweep", "depth_by_order", "--profile", "smoke", "--workers", "1")
    assert code == 0
    assert row(out, "depth_by_order") == ["10", "0"]
    listed = call("runs", "--profile", "smoke")[1]
    assert "euler-d26" not in listed, "keys only of the studies that are named"
    assert "euler-d26" in call("runs", "headline", "tuned", "--profile", "smoke")[1]
    assert row(listed, "depth_by_order") == ["10", "0"]
    assert "unknown" not in listed, "with finished runs there is a speed to go by"


def test_sweep_trains_with_what_the_machine_has_unless_told_otherwise(call, empty_data, monkeypatch):
    from odestack.lab import sweep

    given = {}
    monkeypatch.setattr(sweep, "sweep", lambda jobs, store, **how: given.clear() or given.update(how))

    def means(*arguments):
        assert call("sweep", "headline", *arguments)[0] == 0
        return {name: given[name] for name in ("workers", "ray", "device", "compile") if name in given}

    monkeypatch.setattr("os.cpu_count", lambda: 6)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert means("--profile", "gpu") == {"workers": 6}
    assert means("--workers", "0") == {"workers": 0}
    assert means("--ray", "auto") == {"ray": "auto"}
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert means("--profile", "gpu") == {"device": "cuda", "compile": True}
    assert means("--profile", "cpu") == {"device": "cuda", "compile": False}
    assert means("--device", "cpu") == {"device": "cpu"}
    assert means("--workers", "2") == {"workers": 2}


def test_sweep_looks_for_the_ray_cluster_it_is_told_of(call, empty_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = call("sweep", "headline", "--profile", "smoke", "--ray", "auto")
    assert code == 2
    assert err.splitlines()[-1] == 'error: Ray is not installed: pip install "odestack[cluster]"'


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("methods", "rk5"), "nearest: rk4"),
        (("methods", "--tableau", "nowhere.json"), "nowhere.json"),
        (("train", "--scheme", "rk4", "--depth", "30"), "nearest rk4 depths are 26 and 34"),
        (("train", "--branch", "conv9"), "conv2"),
        (("train", "--lr", "nan"), "lr is nan"),
        (("train", "--device", "tpu"), "cpu, cuda"),
        (("sweep",), "name the studies to train, or say all; there are cost, depth_by_order"),
        (("sweep", "depth"), "depth_by_order"),
        (("sweep", "depth_by_order", "--profile", "huge"), "smoke, cpu, gpu"),
        (("runs", "--profile", "huge"), "smoke, cpu, gpu"),
        (("scorecard", "--profile", "huge"), "smoke, cpu, gpu"),
        (("runs", "headlines"), "nearest: headline"),
        (("reproduce", "headlines"), "nearest: headline"),
        (("reproduce", "headline"), "no committed record at profile cpu"),
        (("bench", "speed"), "choose all or some of train, tricks"),
        (("bench", "trees", "--repeats", "0"), "repeats is 0"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call, empty_data, arguments, sentence):
    code, _, err = call(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert sentence in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sweeps",), "Did you mean 'sweep'? (odestack --help"),
        (("train", "--depth", "deep"), "'--depth'"),
        (("reproduce",), "(odestack reproduce --help"),
        (("train", "--depht", "3"), "--depth"),
        (("bench", "trees", "--width", "0"), "greater than or equal to 1"),
    ],
)
def test_wrong_usage_is_one_sentence_that_names_what_is_valid(call, arguments, sentence):
    code, _, err = call(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert sentence in err
    assert err.endswith("--help lists what is valid)\n")


def test_the_bare_command_shows_its_help(call):
    code, out, err = call()
    assert (code, err) == (0, "")
    assert "reproduce" in out


def test_an_interrupted_command_says_how_to_go_on(call, empty_data, monkeypatch):
    def interrupted(*jobs, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("odestack.lab.sweep.sweep", interrupted)
    code, _, err = call("train", "--dataset", "mini-cifar10")
    assert code == 130
    assert err == "stopped; the same command goes on from the last finished epoch\n"
    monkeypatch.setattr("odestack.studies.schedule.overview", interrupted)
    assert call("runs")[::2] == (130, "stopped\n")


def test_help_is_quick_to_read_and_to_come():
    code = "import sys; from odestack.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "False", "torch takes seconds to import"
    for command in ("methods", "data", "train", "sweep", "runs", "export", "bench", "scorecard"):
        assert f"  {command} " in out


def test_train_explains_every_field_of_a_run(call):
    from odestack.lab.config import RunConfig
    from odestack.lab.options import HELP

    assert {*HELP} == {field.name for field in fields(RunConfig)} - {"tableau", "precision"}
    out = " ".join(call("train", "--help")[1].split())
    assert all(text in out for text in HELP.values())


def test_scorecard_lists_every_claim_and_writes_the_readme(call, tmp_path):
    code, out, _ = call("scorecard")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line.startswith("C")] == [f"C{i}" for i in range(1, 22)]
    readme = tmp_path / "README.md"
    readme.write_text("".join(f"<!-- {part} -->\n<!-- end of {part} -->\n" for part in ("answer", "scorecard")))
    assert call("scorecard", "--readme", str(readme))[:2] == (0, "")
    assert readme.read_text().count("| not run |") == 20
    readme.write_text("no table")
    code, _, err = call("scorecard", "--readme", str(readme))
    assert code == 2
    assert "lacks the lines" in err
    assert call("scorecard", "--readme", str(tmp_path / "nowhere.md"))[0] == 2


def test_bench_measures_prints_and_keeps_what_all_then_skips(call, tmp_path, monkeypatch):
    from odestack.cli import bench
    from odestack.lab.bench import suite, trees

    told = " ".join((bench.__doc__ or "").split())
    assert told.endswith(": " + ", ".join(suite.GROUPS) + ".")
    monkeypatch.setattr(suite, "GROUPS", {name: suite.GROUPS[name] for name in ("trees", "cuda")})
    monkeypatch.setattr(trees, "METHODS", ("rk4",))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    arguments = ("--out", str(tmp_path / "bench"), "--repeats", "1", "--seconds", "0.1")
    code, first, _ = call("bench", "all", *arguments)
    assert code == 0
    assert "odestack, exact" in first
    assert "cuda: not measured, the CUDA benchmark needs a GPU" in first
    assert call("bench", "all", *arguments)[1].startswith("trees: is in ")
    assert call("bench", "trees", *arguments)[1].startswith("trees: 0 s")
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["trees.json"]
    assert call("bench", "cuda")[0] == 2


def test_export_writes_the_tables(call, tmp_path):
    code, out, _ = call("export", str(tmp_path / "tables"))
    assert code == 0
    assert [line.rsplit("/", 1)[1] for line in out.splitlines()] == ["runs.csv", "epochs.csv", "dictionary.csv"]


def test_reproduce_retrains_and_tells_whether_results_agree(call, empty_data, monkeypatch):
    from odestack import reproduce

    monkeypatch.setattr(reproduce, "FRESH", empty_data / "reproduced")
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert call("sweep", "depth_by_order", "--profile", "smoke", "--workers", "1")[0] == 0
    code, out, _ = call("reproduce", "depth_by_order", "--profile", "smoke")
    assert code == 0
    assert out.count(" 0.00 ") >= 11, "same processor, same threads: the same accuracy to the last bit"
    assert "False" not in out
    verdicts = [line.split()[0] for line in out.splitlines() if line.strip().startswith("C")]
    assert verdicts == ["C2", "C3", "C4", "C5"], "the claims that rest on the study"
    assert len(list((empty_data / "reproduced" / "runs" / "smoke").glob("*.json"))) == 10

    (first, *_) = sorted((empty_data / "runs" / "smoke").glob("*.json"))
    data = json.loads(first.read_text())
    data["epochs"][-1]["test_accuracy"] += 2 * reproduce.STATED["accuracy"]
    first.write_text(json.dumps(data))
    code, out, _ = call("reproduce", "depth_by_order", "--profile", "smoke")
    assert code == 1
    assert out.count("False") == 1
    assert call("reproduce", "depth_by_order", "--profile", "gpu")[0] == 2
