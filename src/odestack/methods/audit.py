"""The blocks of the released HO-ResNet code, rebuilt as tableaux and judged like any other method.

The source is the public repository zlannnn/HO-ResNet at its last commit, 262c243 of 12 April 2021, and for
the two blocks marked as earlier the state before it. Coefficients are transcribed as written there: quotients
are exact, decimals are decimals.
"""

from dataclasses import dataclass
from typing import Any

from odestack.methods import catalogue, trees
from odestack.methods.tableau import Tableau

ROUNDING = 1e-3  # relative residual up to which an order condition counts as met by rounded coefficients


@dataclass(frozen=True)
class ReleasedBlock:
    """One block of the released code.

    Attributes:
        name: its class there.
        intended: the method it is named after; a catalogue name where the catalogue has the method.
        intended_order: that method's order.
        tableau: what it computes, or None where it does not compute a Runge-Kutta step.
        runs: whether a forward pass completes.
        remark: what differs from the intended method.
    """

    name: str
    intended: str
    intended_order: int
    tableau: Tableau | None
    runs: bool = True
    remark: str = ""


def table() -> list[dict[str, object]]:
    """One row a block: what it is meant to be, and the orders of what it is.

    ``order`` is exact, ``order_to_rounding`` accepts relative residuals up to ``ROUNDING``, and ``verdict``
    is derived from the two. Entries that need a tableau are None where there is none.
    """
    return [_row(block) for block in BLOCKS]


def _row(block: ReleasedBlock) -> dict[str, object]:
    method = block.tableau
    rounded = None if method is None else trees.order_to_rounding(method.A, method.b, ROUNDING)
    return {
        "block": block.name,
        "intended": block.intended,
        "intended_order": block.intended_order,
        "stages": None if method is None else method.stages,
        "sum_b": None if method is None else float(sum(method.b)),
        "order": None if method is None else method.order,
        "order_to_rounding": rounded,
        "runs": block.runs,
        "verdict": _verdict(block, rounded),
        "remark": block.remark,
    }


def _verdict(block: ReleasedBlock, rounded: int | None) -> str:
    if block.tableau is None:
        return "not a Runge-Kutta method" if block.runs else "cannot run"
    if block.tableau.order == block.intended_order:
        verdict = "as named"
    elif rounded == block.intended_order:
        verdict = "as named, to rounding"
    else:
        verdict = f"order {block.tableau.order} instead of {block.intended_order}"
    return verdict if block.runs else f"{verdict}, and cannot run"


def _tableau(name: str, A: list[str], b: str) -> Tableau:
    entries: dict[str, Any] = {"A": [row.split() for row in A], "b": b.split()}
    return Tableau(name, **entries)


def _block(
    name: str, intended: str, A: list[str] | None, b: str = "", runs: bool = True, remark: str = ""
) -> ReleasedBlock:
    tableau = None if A is None else _tableau(name, A, b)
    return ReleasedBlock(name, intended, catalogue.get(intended).order, tableau, runs, remark)


_GILL4 = ["", "0.5", "0.2071 0.29289", "0 -0.7071 1.7071"]

_VERNER89 = _tableau(
    "Verner89Block",
    [
        "",
        "1/12",
        "1/27 2/27",
        "1/24 0 3/24",
        "234.25203582132/375 0 -899.27141518056/375 837.49386649824/375",
        "0.053333333333 0 0 0.2739534538729544 0.24567579393091227",
        "0.06162164740427197 0 0 0.1815318224097963 -0.013477689611 0.007024903611899742",
        "4/54 0 0 0 0 13.550510257220001/54 18.44948974278/54",
        "38/512 0 0 0 0 61.66173591606/512 174.33826408394/512 -18/512",
        "11/144 0 0 0 0 0.30503531279770835 0.31070542794303235 -1/16 -8/27",
        "0.07112936653168327 0 0 0 0 0 0.37852828889059764 -0.01174633003514941 0.07272054197227078"
        " -0.26063186735940236",
        "-8.141639713845233 0 0 0 0 -574.4363925621823 847.8814814814815 113.71920186905155"
        " 626.9414848959715 605.7315968367965 -328.69135802469134",
        "0.0878037592818966 0 0 0 0 0.6933735017296832 -1.9030978898036277 0.22886338868515282"
        " -0.6904282483623702 -0.07691188807394458 2624/1053 3/1664",
        "-137/1296 0 0 0 0 5.5746781906054865 7.485506994579699 -299/48 184/81 -44/9 -5120/1053 -11/468 16/9",
    ],
    "103/1680 0 0 0 0 0 0 27/140 76/105 -201/280 1024/1365 3/7280 12/35 9/280",
)

BLOCKS = (
    _block("BasicBlock", "euler", [""], "1"),
    _block("MidBlock", "midpoint", ["", "0.5"], "0 1"),
    _block(
        "ImprovedEuler",
        "heun2",
        ["", "0.5"],
        "0.5 0.5",
        runs=False,
        remark="a21 is 1/2 instead of 1; adds the shortcut module itself to a tensor (TypeError)",
    ),
    _block("RK2Block", "ralston2", None, remark="second stage is f(2x/3): it ignores k1 and rescales the state"),
    _block("Heun3Block", "heun3", ["", "0.333333", "0 0.666666"], "0.25 0 0.75", remark="six-digit decimals"),
    _block("RK3Block", "kutta3", ["", "0.5", "-1 2"], "1/6 2/3 1/6"),
    _block("RK4Block", "rk4", ["", "0.5", "0 0.5", "0 0 1"], "1/6 1/3 1/3 1/6"),
    _block("Gill4Block", "gill4", _GILL4, "1/6 0.097631 0.569 1/6", remark="rounded to three to six digits"),
    _block(
        "KuttaNys56Block",
        "kutta_nystrom5",
        ["", "1/3", "4/25 6/25", "1/4 -12/4 15/4", "6/81 90/81 -50/81 8/81", "6/75 36/75 10/75 8/75 0"],
        "23/192 125/192 0 0 -81/192 125/192",
        remark="the weight 125/192 of k3 is given to k2",
    ),
    _block(
        "Huta68Block",
        "huta6",
        [
            "",
            "1/9",
            "1/24 3/24",
            "1/6 -3/6 4/6",
            "-5/8 27/8 -24/8 6/8",
            "221/9 -981/9 867/9 -102/9 1/9",
            "-183/48 678/48 -472/48 -66/48 80/48 3/48",
            "716/82 -2079/82 1002/82 834/82 -454/82 -9/82 72/82",
        ],
        "41/840 0 216/840 24/840 272/840 27/840 216/840 41/840",
        remark="fourth weight 24/840 instead of 27/840",
    ),
    _block(
        "RKFehlberg",
        "fehlberg45",
        None,
        runs=False,
        remark="a43, a62, a63 and a64 are wrong, the weights are another method's, and a power is written ^",
    ),
    ReleasedBlock(
        "Verner89Block",
        "Verner 8(9)",
        8,
        _VERNER89,
        remark="four wrong coefficients, one row sums to 1283 instead of 4/3; four unused convolutions",
    ),
    _block(
        "RK4Block before 12 April 2021",
        "rk4",
        ["", "0.5", "0 0.5", "0 0 1"],
        "0 0 0 1/6",
        remark="the last line overwrites the sum, so that only k4/6 is left",
    ),
    _block(
        "Gill4Block before 12 April 2021",
        "gill4",
        _GILL4,
        "0 0 0 1/6",
        remark="the last line overwrites the sum, so that only k4/6 is left",
    ),
)
