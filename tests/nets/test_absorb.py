import pytest
import torch
from torch import nn

from odestack.methods.catalogue import METHODS, get
from odestack.nets import absorb
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.branch import branch

SCHEMES = pytest.mark.parametrize("tableau", METHODS.values(), ids=list(METHODS))


def block(tableau, width=2, h=0.7):
    torch.manual_seed(0)
    made = RungeKuttaBlock(tableau, [branch("conv2", width) for _ in tableau.used_stages], h=h)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
            module.running_mean = module.running_var = None
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return made.double()


def images(n=6):
    return torch.randn(n, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@SCHEMES
def test_absorbing_keeps_the_function(tableau):
    plain, x = block(tableau), images()
    absorbed = absorb.absorb(plain)
    torch.testing.assert_close(absorbed(x), plain(x), rtol=1e-12, atol=1e-12)
    for i in range(len(plain.branches)):
        uses = [row[i] for row in [*absorbed.hA, absorbed.hb] if i < len(row) and row[i]]
        assert uses[-1] == 1


@SCHEMES
def test_what_remains_does_not_depend_on_the_step(tableau):
    rest = {c.place: float(c.rest) for c in absorb.coefficients(tableau)}
    s = len(tableau.used_stages)
    absorbed = absorb.absorb(block(tableau, h=0.3))
    for place, row in [*((f"a{i + 1}", absorbed.hA[i]) for i in range(s)), ("b", absorbed.hb)]:
        for j, value in enumerate(row, start=1):
            name = f"{place},{j}" if place != "b" and s >= 10 else f"{place}{j}"
            assert value == pytest.approx(rest.get(name, 0.0), rel=1e-12)


def test_scaling_one_use_of_two_changes_the_function():
    plain, x = block(get("heun2")), images()
    wrong = absorb.absorb(plain, [plain.hb[0], plain.hb[1]])
    wrong.hA[1][0] = plain.hA[1][0]  # the use in the second stage was forgotten
    assert (wrong(x) - plain(x)).abs().max() > 1e-3


def test_counts_by_hand():
    assert {name: absorb.ratios(get(name)) for name in ("euler", "midpoint", "heun2", "heun3", "rk4")} == {
        "euler": 0,
        "midpoint": 0,
        "heun2": 1,
        "heun3": 1,
        "rk4": 3,
    }
    rest = {c.place: str(c.rest) for c in absorb.coefficients(get("rk4"))}
    assert rest == {"a21": "3", "b1": "1", "a32": "3/2", "b2": "1", "a43": "3", "b3": "1", "b4": "1"}
    assert {c.place: str(c.rest) for c in absorb.coefficients(get("midpoint"))} == {"a21": "1", "b2": "1"}


@pytest.mark.parametrize("name", ["euler", "midpoint", "heun3", "rk4", "three_eighths"])
def test_no_small_change_of_weights_absorbs_more(name):
    plain = block(get(name))
    values = absorb.unabsorbed(plain, images(n=10))
    count = absorb.ratios(get(name))
    assert len(values) == len(absorb.coefficients(get(name)))
    assert (values[:count] > 0.05).all()
    assert (values[count:] < 1e-6).all()


def test_gradients_scale_inversely_and_rates_inversely_squared():
    plain, x = block(get("rk4")), images()
    absorbed = absorb.absorb(plain)
    for each in (plain, absorbed):
        each(x).square().sum().backward()
    for i, s in enumerate(absorb.scales(plain)):
        ours, theirs = (each.get_parameter(f"branches.{i}.5.weight") for each in (plain, absorbed))
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(theirs.grad, ours.grad / s, rtol=1e-10, atol=1e-12)
        with torch.no_grad():
            ours -= 1e-3 * ours.grad
            theirs -= 1e-3 * s**2 * theirs.grad
    torch.testing.assert_close(absorbed(x), plain(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("factors", [[1.0], [1.0, 0.0]])
def test_wrong_factors_are_refused(factors):
    with pytest.raises(ValueError, match="2 nonzero numbers"):
        absorb.absorb(block(get("midpoint")), factors)


def test_too_small_a_batch_is_refused():
    with pytest.raises(ValueError, match="entries; it needs more than"):
        absorb.unabsorbed(block(get("rk4")), images(n=1))
