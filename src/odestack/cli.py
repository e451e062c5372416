"""The command line: ``odestack methods | data | train | sweep | runs | export | reproduce | bench | scorecard``."""

import inspect
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

UsageError: Any = typer.BadParameter.__mro__[1]  # click's, of which typer may have a copy of its own
app = typer.Typer(
    help="Residual networks wired as Runge-Kutta methods: look at methods, train networks, keep records.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

TableauFile = Annotated[Path | None, typer.Option("--tableau", help="JSON file with a method of your own.")]
ProfileName = Annotated[str, typer.Option(help="smoke, cpu or gpu.")]


def main() -> None:
    """Entry point: errors that a user can mend are one sentence and exit code 2."""
    try:
        if sys.argv[1:2] == ["train"]:
            train.__signature__ = _train_signature()  # type: ignore[attr-defined]
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="odestack", standalone_mode=False))
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "odestack"
        _fail(f"{error.format_message()} ({command} --help lists what is valid)")
    except ValueError as error:
        _fail(error)
    except RuntimeError as error:
        from odestack.lab.cifar import DataError
        from odestack.lab.sweep import SweepError

        if not isinstance(error, DataError | SweepError):
            raise
        _fail(error)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except (KeyboardInterrupt, SystemExit) as end:  # typer makes of the first the second
        if isinstance(end, SystemExit) and end.code != 130:
            raise
        resumes = sys.argv[1:2] in (["train"], ["sweep"])
        print("stopped" + "; the same command goes on from the last finished epoch" * resumes, file=sys.stderr)
        sys.exit(130)


def _fail(why: object) -> NoReturn:
    print(f"error: {why}", file=sys.stderr)
    sys.exit(2)


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="Show one method in full.")] = None,
    tableau: TableauFile = None,
) -> None:
    """List the methods, or show one with its tableau and order conditions."""
    from odestack.methods import catalogue, describe
    from odestack.methods.tableau import Tableau

    if tableau is not None:
        print(describe.method(Tableau.from_json(tableau)))
    elif name is not None:
        print(describe.method(catalogue.get(name)))
    else:
        print(describe.table(catalogue.METHODS.values()))


@app.command()
def data() -> None:
    """Fetch CIFAR-10, check it, and store it as one file."""
    from odestack.lab.fetch import fetch

    print(f"CIFAR-10 is in {fetch()}")


@app.command()
def train(**options: Any) -> None:
    """Train one network and store its record; any field of the run is an option."""
    from odestack.lab.config import RunConfig, custom_scheme
    from odestack.lab.environment import best_precision
    from odestack.lab.records import Store
    from odestack.lab.sweep import Job, sweep
    from odestack.methods.tableau import Tableau

    device, file = options.pop("device"), options.pop("tableau")
    how = {name: options.pop(name) for name in ("compile", "recompute")}
    if file is not None:
        options |= custom_scheme(Tableau.from_json(file))
    if options["precision"] == "auto":
        options["precision"] = best_precision(device)
    config, store = RunConfig(**options), Store("own")
    _require_device(device)
    sweep([Job(config, "final")], store, device=device, progress=sys.stderr.isatty(), **how)
    record = store.get(config)
    assert record is not None
    if record.status == "done":
        print(f"test accuracy {record.final['test_accuracy']:.2f} % after {int(record.final['step'])} steps")
    else:
        print(f"{record.status} after {len(record.early_loss)} or more steps")
    print(f"record: {store.path(config)}")


def _train_signature() -> inspect.Signature:
    """One option for each field of RunConfig, whose import takes seconds."""
    from odestack.lab.config import RunConfig
    from odestack.lab.options import HELP

    def option(name: str, kind: Any, default: Any, help: str) -> inspect.Parameter:
        annotation = Annotated[kind, typer.Option(help=help)]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)

    options = [option(f.name, f.type, f.default, HELP[f.name]) for f in fields(RunConfig) if f.name in HELP]
    return inspect.Signature(
        [
            *options,
            inspect.Parameter("tableau", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=TableauFile),
            option("precision", str, "auto", "fp32, bf16, or auto: bf16 where the device computes in it."),
            option("device", str, "cpu", "cpu or cuda."),
            option("compile", bool, False, "Use torch.compile."),
            option("recompute", bool, False, "Compute branches again in the backward pass, for less memory."),
        ]
    )


@app.command()
def sweep(
    studies: Annotated[
        list[str] | None, typer.Argument(help='Names of studies, or "all", as --dry-run takes it without a name.')
    ] = None,
    profile: ProfileName = "cpu",
    workers: Annotated[int | None, typer.Option(min=0, help="Processes of one thread each; 0: in this one.")] = None,
    ray: Annotated[
        str | None, typer.Option(help="Train on a Ray cluster: local, auto, or its address.", metavar="ADDRESS")
    ] = None,
    gpus_per_run: Annotated[
        float, typer.Option(min=0.01, max=1, help="With --ray and cuda: part of a GPU for each run.")
    ] = 1.0,
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
    compile: Annotated[bool, typer.Option(help="Use torch.compile.")] = False,
    budget: Annotated[float | None, typer.Option(min=0, help="Start no run after so many seconds.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be trained, and for how long.")
    ] = False,
) -> None:
    """Train the runs of studies that have no record yet, seed 0 of every arm first.

    With none of --workers, --ray, --device and --compile: on the GPU, compiled at profile gpu, or in a process a core.
    """
    from odestack.lab import sweep as sweeping
    from odestack.lab.records import Store
    from odestack.studies import STUDIES
    from odestack.studies.schedule import overview, queue

    if not (studies or dry_run):
        raise ValueError(f"name the studies to train, or say all; there are {', '.join(STUDIES)}")
    names = list(STUDIES) if not studies or studies == ["all"] else studies
    jobs = queue(names, profile)
    _require_device(device or "cpu", elsewhere=ray is not None)
    chosen = {"workers": workers, "ray": ray, "device": device, "compile": compile or None}
    how = {name: value for name, value in chosen.items() if value is not None} or sweeping.means(profile)
    if not dry_run:
        print(overview(names, profile), file=sys.stderr)
        bar = sys.stderr.isatty()
        sweeping.sweep(jobs, Store(profile), **how, gpus_per_run=gpus_per_run, budget=budget, progress=bar)
    print(overview(names, profile))


@app.command()
def runs(
    studies: Annotated[list[str] | None, typer.Argument(help="Names of studies whose missing runs to list.")] = None,
    profile: ProfileName = "cpu",
) -> None:
    """What the store holds, what is missing, and how long that will take."""
    from odestack.studies import STUDIES
    from odestack.studies.schedule import overview

    print(overview(studies or list(STUDIES), profile, keys=bool(studies)))


@app.command()
def export(folder: Annotated[Path, typer.Argument(file_okay=False, help="Where to write; made if missing.")]) -> None:
    """Write all records as tidy tables: runs.csv, epochs.csv, and dictionary.csv, which explains their columns."""
    from odestack.studies import export as exporting

    for path in exporting.write(folder):
        print(path)


@app.command()
def reproduce(
    study: Annotated[str, typer.Argument(help="Name of the study.")],
    profile: Annotated[str, typer.Option(help="auto (that of the book), smoke, cpu or gpu.")] = "auto",
) -> None:
    """Retrain a study into a fresh store and compare with the committed records; exit code 1 if they disagree."""
    from odestack import reproduce as reproducing
    from odestack.studies import evidence
    from odestack.studies.schedule import hours

    def train(jobs: Sequence[Any], store: Any) -> None:
        missing = store.missing([job.config for job in jobs])
        left = hours(missing, store.profile) or 0.0
        print(f"{len(missing)} of {len(jobs)} runs to train, {left:.1f} hours one after the other", file=sys.stderr)
        evidence.train(jobs, store, progress=sys.stderr.isatty())

    runs, verdicts = reproducing.reproduce(study, profile, train=train)
    print(runs.to_string(index=False, float_format=lambda x: f"{x:.2f}"))
    print(f"\nfresh records are in {reproducing.FRESH}; to train once more, remove that folder\n")
    if len(verdicts):
        print(verdicts.to_string(index=False))
    if not all([*runs["agrees"], *verdicts["agrees"]]):
        raise typer.Exit(1)


@app.command()
def bench(
    groups: Annotated[list[str], typer.Argument(help='Names of groups, or "all".')],
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for a file of each group; all measures what it lacks.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of one measurement.")] = 1.0,
    repeats: Annotated[int, typer.Option(help="Rounds in which all are measured in turn.")] = 3,
    width: Annotated[int | None, typer.Option(min=1, help="Of train: this width alone.")] = None,
    depth: Annotated[int | None, typer.Option(min=3, help="Of train: this depth alone.")] = None,
) -> None:
    """Measure speed, memory and determinism, side by side and in turn: train, tricks, operators, images, growth,
    integrate, trees, surfaces, determinism, book, cuda."""
    from odestack.lab.bench import suite
    from odestack.lab.bench.measuring import Pace, Unavailable
    from odestack.lab.bench.train import DEPTHS, WIDTHS
    from odestack.lab.bench.train import cases as train_cases

    pace = Pace(seconds, repeats)
    everything = groups == ["all"]
    names = list(suite.GROUPS) if everything else [suite.checked(name) for name in groups]
    for name in names:
        if everything and out is not None and suite.path(name, out).exists():
            print(f"{name}: is in {suite.path(name, out)}")
            continue
        try:
            if name == "train":
                widths, depths = (width,) if width else WIDTHS, (depth,) if depth else DEPTHS
                result = suite.measured(name, lambda widths=widths, depths=depths: train_cases(pace, widths, depths))
            else:
                result = suite.measure(name, pace)
        except Unavailable as reason:
            if not everything:
                raise ValueError(str(reason)) from None
            print(f"{name}: not measured, {reason}")
            continue
        print(f"{name}: {result.seconds:.0f} s\n{suite.table(result).to_string(float_format='{:.4g}'.format)}\n")
        if out is not None:
            print(f"kept in {suite.write(result, out)}\n")


@app.command()
def scorecard(
    profile: Annotated[
        str, typer.Option(help="auto (for each claim the largest complete one), smoke, cpu or gpu.")
    ] = "auto",
    readme: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Write it as a table, and the answer so far, into this file, between its markers.",
        ),
    ] = None,
) -> None:
    """The article's claims with our verdicts, from the records in the store."""
    from odestack import claims
    from odestack.lab.files import write_atomically

    verdicts = claims.scorecard(profile)
    if readme is None:
        print(claims.text(verdicts))
    else:
        write_atomically(readme, claims.in_readme(readme.read_text(encoding="utf-8"), verdicts, profile).encode())


def _require_device(device: str, *, elsewhere: bool = False) -> None:
    import torch

    if device not in ("cpu", "cuda"):
        raise ValueError(f"device {device!r} does not exist; choose one of cpu, cuda")
    if device == "cuda" and not elsewhere and not torch.cuda.is_available():
        raise ValueError("device cuda: torch sees no GPU here; use --device cpu")


train.__signature__ = inspect.Signature()  # type: ignore[attr-defined]
