"""``python orphaned_sweep.py``: sweep long runs in two worker processes, until killed."""

from dataclasses import replace

from tiny_runs import TINY

from odestack.lab.records import Store
from odestack.lab.sweep import Job, sweep

if __name__ == "__main__":
    sweep([Job(replace(TINY, epochs=10_000, seed=seed)) for seed in range(2)], Store("smoke"), workers=2)
