"""How much of a study is done, and how long the rest will take."""

from collections.abc import Sequence

from odestack.lab.config import RunConfig
from odestack.lab.records import Record, Store
from odestack.nets.resnet import block_count
from odestack.studies import get


def work(config: RunConfig) -> float:
    """Convolution multiplications of a run up to a constant: images x branches x width squared."""
    blocks, euler_blocks = block_count(config.method(), config.depth, config.branch, remainder=config.remainder)
    branches = blocks * len(config.method().used_stages) + euler_blocks
    return config.total_steps * config.batch * branches * config.width**2


def hours(missing: Sequence[RunConfig], done: Sequence[Record]) -> float | None:
    """Hours of training, one run after the other, at the speed of the finished runs; None if there are none."""
    finished = sum(work(record.config) for record in done)
    if not finished:
        return None
    return sum(work(config) for config in missing) * sum(record.seconds for record in done) / finished / 3600


def overview(study: str, profile: str) -> str:
    """One study in the store: counts, hours left, and the key of each missing run."""
    store = Store(profile)
    configs = [job.config for job in get(study).jobs(profile)]
    done = [record for config in configs if (record := store.get(config)) is not None]
    missing = store.missing(configs)
    lines = [f"{study}, profile {profile}: {len(done)} of {len(configs)} runs have a record"]
    if missing:
        left = hours(missing, [record for record in done if record.status == "done"])
        threads = {record.environment["threads"] for record in done}
        speed = "unknown until one run is done" if left is None else f"{left:.1f} hours of {max(threads)}-thread runs"
        lines[0] += f"; left: {speed}"
        lines += [f"  missing {config.key}" for config in missing]
    return "\n".join(lines)
