"""Cost, and the article's statement that re-wiring costs nothing."""

import pytest

from odestack.methods import catalogue
from odestack.nets.branch import KINDS
from odestack.nets.cost import Cost, cost
from odestack.nets.resnet import ResNet

EQUAL = ("euler", "midpoint", "heun3", "rk4")


def by_hand(width: int, depth: int, classes: int = 10) -> tuple[int, int]:
    """Parameters and MACs of the default network: stem with stride 2, then depth - 2 convolutions at 16 x 16."""
    convolutions = depth - 2
    stem, body = 3 * 9 * width, 9 * width * width
    batch_norms = 2 * width * (convolutions + 2)  # one before each convolution, one in stem and one in head
    head = width * classes
    parameters = stem + convolutions * body + batch_norms + head + classes
    macs = 16 * 16 * (stem + convolutions * body) + head
    return parameters, macs


@pytest.mark.parametrize("width", [16, 64])
@pytest.mark.parametrize("depth", [26, 50, 98])
def test_two_plus_2x24_is_two_plus_4x12_is_two_plus_8x6(width: int, depth: int) -> None:
    """Equal to the digit at every depth of the study; at depth 50 these are 24, 12, 8 and 6 blocks."""
    networks = {name: ResNet(catalogue.get(name), depth, width) for name in EQUAL}
    costs = {name: cost(network) for name, network in networks.items()}
    assert {(c.parameters, c.macs) for c in costs.values()} == {by_hand(width, depth)}
    assert {c.evaluations for c in costs.values()} == {(depth - 2) // 2}
    if depth == 50:
        assert [len(networks[name].blocks) for name in EQUAL] == [24, 12, 8, 6]


def test_additions_are_what_differs() -> None:
    """Nonzero coefficients of A and b times the number of blocks: 1, 2, 4 and 7 of them."""
    axpys = [cost(ResNet(catalogue.get(name), 50, 4)).axpys for name in EQUAL]
    assert axpys == [24 * 1, 12 * 2, 8 * 4, 6 * 7]


@pytest.mark.parametrize("name", catalogue.names())
def test_unused_stages_cost_nothing(name: str) -> None:
    """As many evaluations as used stages, and the parameters and MACs of an Euler network of the same depth."""
    method = catalogue.get(name)
    stages = len(method.used_stages)
    depth = 2 + 2 * 2 * stages
    counted = cost(ResNet(method, depth, 4))
    nonzero = sum(value != 0 for row in (*method.reduced().A, method.reduced().b) for value in row)
    assert counted == Cost(*by_hand(4, depth), axpys=2 * nonzero, evaluations=2 * stages)


def test_dormand_prince_is_six_branches_and_fehlberg_six() -> None:
    assert len(catalogue.get("dormand_prince5").used_stages) == 6
    assert len(catalogue.get("fehlberg45").used_stages) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_downsampling_later_changes_macs_only(kind: str) -> None:
    stem, first = (cost(ResNet(catalogue.get("euler"), 26, 8, kind=kind, downsample=d)) for d in ("stem", "first"))
    assert stem.parameters == first.parameters
    assert stem.macs < first.macs


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_the_network_as_it_was(training: bool) -> None:
    network = ResNet(catalogue.get("rk4"), 10, 4).train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cost(network)
    assert network.training is training
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
