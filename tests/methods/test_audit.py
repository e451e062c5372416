"""The audit of the released HO-ResNet blocks: what a reader of that code knows, against what we find."""

import pytest

from odestack.methods import audit

ROWS = {row["block"]: row for row in audit.table()}
BLOCKS = {block.name: block for block in audit.BLOCKS}

VERDICTS = {
    "BasicBlock": "as named",
    "MidBlock": "as named",
    "ImprovedEuler": "order 1 instead of 2, and cannot run",
    "RK2Block": "not a Runge-Kutta method",
    "Heun3Block": "as named, to rounding",
    "RK3Block": "as named",
    "RK4Block": "as named",
    "Gill4Block": "as named, to rounding",
    "KuttaNys56Block": "order 1 instead of 5",
    "Huta68Block": "order 0 instead of 6",
    "RKFehlberg": "cannot run",
    "Verner89Block": "order 0 instead of 8",
    "RK4Block before 12 April 2021": "order 0 instead of 4",
    "Gill4Block before 12 April 2021": "order 0 instead of 4",
}


def test_every_block_has_its_verdict() -> None:
    assert {name: row["verdict"] for name, row in ROWS.items()} == VERDICTS


@pytest.mark.parametrize(
    ("name", "sum_b"),
    [("Gill4Block", 0.99996), ("Huta68Block", 837 / 840), ("Verner89Block", 1.386), ("KuttaNys56Block", 1)],
)
def test_weights_sum_to_what_the_code_says(name: str, sum_b: float) -> None:
    assert ROWS[name]["sum_b"] == pytest.approx(sum_b, abs=5e-4 if name == "Verner89Block" else 5e-6)


def test_rounded_decimals_lose_the_exact_order() -> None:
    assert (ROWS["Heun3Block"]["order"], ROWS["Heun3Block"]["order_to_rounding"]) == (1, 3)
    assert (ROWS["Gill4Block"]["order"], ROWS["Gill4Block"]["order_to_rounding"]) == (0, 4)


def test_one_row_of_verner_sums_to_1283() -> None:
    method = BLOCKS["Verner89Block"].tableau
    assert method is not None
    assert method.stages == 14
    assert sum(float(c) > 2 for c in method.c) == 1
    assert float(method.c[11]) == pytest.approx(1283, abs=0.01)


def test_improved_euler_misses_the_second_condition() -> None:
    method = BLOCKS["ImprovedEuler"].tableau
    assert method is not None
    assert sum(b * c for b, c in zip(method.b, method.c, strict=True)) == pytest.approx(0.25)


def test_every_flaw_is_explained() -> None:
    assert all(row["remark"] for row in ROWS.values() if row["verdict"] != "as named")
    assert all(row["order"] is None for row in ROWS.values() if row["stages"] is None)
