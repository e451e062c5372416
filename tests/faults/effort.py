"""How long to try: a short part in every run of the suite, all of it with ``make faults``, which sets FAULTS=all."""

import os

ALL = os.environ.get("FAULTS") == "all"


def tries(short: int, all: int) -> int:
    return all if ALL else short
