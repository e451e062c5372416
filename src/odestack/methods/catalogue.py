"""The named methods. Adding an entry to ``METHODS`` is all it takes to have it tested, drawn and wired.

Coefficients are exact; every entry is consistent (its weights sum to one) and its order is derived, not stated.
"""

import difflib
from collections.abc import Iterable
from typing import Any

from odestack.methods.tableau import Tableau, TableauError


def _row(numerators: str, denominator: int = 1) -> list[str]:
    return [f"({n})/{denominator}" for n in numerators.split()]


def _tableau(name: str, A: list[list[str]], b: list[str], source: str, b_hat: list[str] | None = None) -> Tableau:
    entries: dict[str, Any] = {"A": A, "b": b, "b_hat": b_hat}
    return Tableau(name, source=source, **entries)


_ENTRIES = (
    _tableau("euler", [[]], ["1"], "hairer1993"),
    _tableau("midpoint", [[], ["1/2"]], ["0", "1"], "hairer1993"),
    _tableau("heun2", [[], ["1"]], ["1/2", "1/2"], "butcher2016"),
    _tableau("ralston2", [[], ["2/3"]], ["1/4", "3/4"], "ralston1962"),
    _tableau("heun3", [[], ["1/3"], ["0", "2/3"]], ["1/4", "0", "3/4"], "hairer1993"),
    _tableau("kutta3", [[], ["1/2"], ["-1", "2"]], _row("1 4 1", 6), "butcher2016"),
    _tableau("rk4", [[], ["1/2"], ["0", "1/2"], ["0", "0", "1"]], _row("1 2 2 1", 6), "hairer1993"),
    _tableau("three_eighths", [[], ["1/3"], ["-1/3", "1"], ["1", "-1", "1"]], _row("1 3 3 1", 8), "hairer1993"),
    _tableau(
        "gill4",
        [[], ["1/2"], _row("sqrt(2)-1 2-sqrt(2)", 2), _row("0 -sqrt(2) 2+sqrt(2)", 2)],
        _row("1 2-sqrt(2) 2+sqrt(2) 1", 6),
        "gill1951",
    ),
    _tableau(
        "kutta_nystrom5",
        [
            [],
            ["1/3"],
            _row("4 6", 25),
            _row("1 -12 15", 4),
            _row("6 90 -50 8", 81),
            _row("6 36 10 8 0", 75),
        ],
        _row("23 0 125 0 -81 125", 192),
        "hairer1993",
    ),
    _tableau(
        "huta6",
        [
            [],
            ["1/9"],
            _row("1 3", 24),
            _row("1 -3 4", 6),
            _row("-5 27 -24 6", 8),
            _row("221 -981 867 -102 1", 9),
            _row("-183 678 -472 -66 80 3", 48),
            _row("716 -2079 1002 834 -454 -9 72", 82),
        ],
        _row("41 0 216 27 272 27 216 41", 840),
        "huta1956",
    ),
    _tableau(
        "fehlberg45",  # advances with the fifth-order weights
        [
            [],
            ["1/4"],
            _row("3 9", 32),
            _row("1932 -7200 7296", 2197),
            ["439/216", "-8", "3680/513", "-845/4104"],
            ["-8/27", "2", "-3544/2565", "1859/4104", "-11/40"],
        ],
        ["16/135", "0", "6656/12825", "28561/56430", "-9/50", "2/55"],
        "fehlberg1969",
        b_hat=["25/216", "0", "1408/2565", "2197/4104", "-1/5", "0"],
    ),
    _tableau(
        "dormand_prince5",
        [
            [],
            ["1/5"],
            _row("3 9", 40),
            ["44/45", "-56/15", "32/9"],
            ["19372/6561", "-25360/2187", "64448/6561", "-212/729"],
            ["9017/3168", "-355/33", "46732/5247", "49/176", "-5103/18656"],
            ["35/384", "0", "500/1113", "125/192", "-2187/6784", "11/84"],
        ],
        ["35/384", "0", "500/1113", "125/192", "-2187/6784", "11/84", "0"],
        "dormand1980",
        b_hat=["5179/57600", "0", "7571/16695", "393/640", "-92097/339200", "187/2100", "1/40"],
    ),
    _tableau(
        "cooper_verner8",
        [
            [],
            ["1/2"],
            ["1/4", "1/4"],
            ["1/7", "(-7-3*sqrt(21))/98", "(21+5*sqrt(21))/49"],
            ["(11+sqrt(21))/84", "0", "(18+4*sqrt(21))/63", "(21-sqrt(21))/252"],
            ["(5+sqrt(21))/48", "0", "(9+sqrt(21))/36", "(-231+14*sqrt(21))/360", "(63-7*sqrt(21))/80"],
            [
                "(10-sqrt(21))/42",
                "0",
                "(-432+92*sqrt(21))/315",
                "(633-145*sqrt(21))/90",
                "(-504+115*sqrt(21))/70",
                "(63-13*sqrt(21))/35",
            ],
            ["1/14", "0", "0", "0", "(14-3*sqrt(21))/126", "(13-3*sqrt(21))/63", "1/9"],
            [
                "1/32",
                "0",
                "0",
                "0",
                "(91-21*sqrt(21))/576",
                "11/72",
                "(-385-75*sqrt(21))/1152",
                "(63+13*sqrt(21))/128",
            ],
            [
                "1/14",
                "0",
                "0",
                "0",
                "1/9",
                "(-733-147*sqrt(21))/2205",
                "(515+111*sqrt(21))/504",
                "(-51-11*sqrt(21))/56",
                "(132+28*sqrt(21))/245",
            ],
            [
                "0",
                "0",
                "0",
                "0",
                "(-42+7*sqrt(21))/18",
                "(-18+28*sqrt(21))/45",
                "(-273-53*sqrt(21))/72",
                "(301+53*sqrt(21))/72",
                "(28-28*sqrt(21))/45",
                "(49-7*sqrt(21))/18",
            ],
        ],
        ["1/20", "0", "0", "0", "0", "0", "0", "49/180", "16/45", "49/180", "1/20"],
        "cooper1972",
    ),
)


def by_name(entries: Iterable[Tableau]) -> dict[str, Tableau]:
    """Raises TableauError: one of the methods is inconsistent."""
    named = {}
    for method in entries:
        for weights in filter(None, (method.b, method.b_hat)):
            if (total := sum(weights)) != 1:
                raise TableauError(f"{method.name} may not enter the catalogue: weights sum to {total}, not to 1")
        named[method.name] = method
    return named


METHODS: dict[str, Tableau] = by_name(_ENTRIES)


def names() -> tuple[str, ...]:
    return tuple(METHODS)


def get(name: str) -> Tableau:
    """The method of that name.

    Raises:
        ValueError: no such method; the message gives the nearest names.
    """
    if name in METHODS:
        return METHODS[name]
    near = difflib.get_close_matches(str(name), METHODS, n=3, cutoff=0.4) or list(METHODS)
    raise ValueError(f"no method is called {name!r}; nearest: {', '.join(near)}")
