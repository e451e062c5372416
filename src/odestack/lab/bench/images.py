"""The way of the images: from the file into memory, and from memory into a step."""

from functools import partial

from odestack.lab import cifar
from odestack.lab.bench.loops import batches, bench_config, engine, plain_batches
from odestack.lab.bench.measuring import Case, Pace, duration, in_turn, rate

SIZE = (16, 50)
ENGINE = "a batch, the engine's"


def cases(pace: Pace) -> list[Case]:
    """Seconds: of a whole step of the engine, of its batch alone, and of a batch by torchvision's transforms, one image
    at a time; and until a data set is there and checked (mini-cifar10 from PNG, CIFAR-10 where it was fetched)."""
    config = bench_config(*SIZE)
    loops = {
        "a step": engine(config),
        ENGINE: batches(config),
        "a batch, one image at a time": plain_batches(config),
    }
    measures = {name: partial(rate, steps, pace.seconds) for name, steps in loops.items()}
    samples = in_turn(measures, pace.repeats)
    settings = {"width": config.width, "depth": config.depth}
    found = [
        Case(name, settings, "s", [1 / value for value in values], None if name == "a step" else "a step")
        for name, values in samples.items()
    ]
    sets = ["mini-cifar10", *(["cifar10"] if cifar.CIFAR_FILE.exists() else [])]
    loading = in_turn({name: partial(duration, partial(cifar.load, name)) for name in sets}, pace.repeats)
    return found + [Case(f"{name} ready", {}, "s", values) for name, values in loading.items()]
