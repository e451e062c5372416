"""The ODE-Net: what its field is a function of, what its solver changes and what not."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from odestack.lab import cifar
from odestack.lab.memory import peak_bytes
from odestack.methods import catalogue
from odestack.nets.block import RungeKuttaBlock
from odestack.nets.cost import cost
from odestack.nets.neural_ode import NeuralODE, ODEBlock, VectorField
from odestack.nets.resnet import ResNet
from odestack.nets.solvers import ADAPTIVE, Adaptive, Failure, FixedStep, Solver, SolverError

SOLVERS = [
    *(FixedStep(name, 2) for name in ("euler", "midpoint", "three_eighths", "rk4")),
    FixedStep("three_eighths", 2, adjoint=True),
    *(Adaptive(name, 0.1, 0.1, adjoint=name == "dopri5") for name in ADAPTIVE),
]


class AtState(nn.Module):
    """A field that does not depend on t, as the branch of a residual block."""

    def __init__(self, field: VectorField) -> None:
        super().__init__()
        self.field = field

    def forward(self, x: Tensor) -> Tensor:
        return self.field(0.0, x)


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, Tensor]:
    train, _ = cifar.load("mini-cifar10")
    return cifar.normalise(train.images[:16]), train.labels[:16]


def state() -> Tensor:
    return torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("name", ["euler", "rk4"])
def test_equal_steps_are_residual_blocks_that_share_their_weights(name: str, steps: int) -> None:
    """N steps of Euler are N residual blocks x + f(x), as values and as gradients; likewise every method."""
    torch.manual_seed(0)
    field = VectorField(8, time=False)
    branches = [AtState(field) for _ in catalogue.get(name).used_stages]
    stack = nn.Sequential(*(RungeKuttaBlock(catalogue.get(name), branches, relu=False) for _ in range(steps)))
    block = ODEBlock(field, FixedStep(name, steps), T=steps)
    found = []
    for network in (stack, block):
        y = network(state())
        found.append((y, *torch.autograd.grad(y.square().sum(), tuple(field.parameters()))))
    for expected, actual in zip(*found, strict=True):
        torch.testing.assert_close(actual, expected)
    assert len(list(stack.parameters())) == len(list(block.parameters()))


def test_the_slope_of_an_image_depends_on_its_own_state_alone() -> None:
    field = VectorField(8).train()
    together = field(0.5, state())
    torch.testing.assert_close(together[:1], field(0.5, state()[:1]))
    torch.testing.assert_close(together, field(0.5, state()), rtol=0.0, atol=0.0)


def test_with_batch_norm_it_depends_on_the_other_images_and_on_earlier_evaluations() -> None:
    field = VectorField(8)
    field.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(3))
    assert not torch.allclose(field.train()(0.5, state())[:1], field(0.5, state()[:1]), atol=0.1)
    before = field.eval()(0.5, state())
    field.train()(0.0, 3 * state())
    assert not torch.allclose(before, field.eval()(0.5, state()), atol=0.1)


@pytest.mark.parametrize("time", [True, False])
def test_the_field_depends_on_time_if_asked_to(time: bool) -> None:
    field = VectorField(8, time=time)
    assert torch.equal(field(0.0, state()), field(1.0, state())) != time
    torch.testing.assert_close(field(0.25, state()), field(torch.tensor(0.25), state()))


def test_the_groups_must_divide_the_width() -> None:
    assert VectorField(64).norms[0].num_groups == 32
    with pytest.raises(ValueError, match="width 40 does not divide by the 32 groups"):
        NeuralODE(40, FixedStep("euler", 1))


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_a_training_step_moves_every_weight(solver: Solver, batch: tuple[Tensor, Tensor]) -> None:
    torch.manual_seed(0)
    network = NeuralODE(8, solver)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01)
    losses = []
    for _ in range(2):
        loss = F.cross_entropy(network(batch[0]), batch[1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    assert losses[1] < losses[0]
    assert network.block.nfe.forward >= 2
    assert (network.block.nfe.backward > 0) == solver.adjoint


def test_parameters_do_not_grow_with_the_steps_but_multiplications_do() -> None:
    costs = [cost(NeuralODE(8, FixedStep(name, steps))) for name in ("euler", "rk4") for steps in (1, 3, 9)]
    assert {each.parameters for each in costs} == {sum(p.numel() for p in NeuralODE(8, SOLVERS[0]).parameters())}
    assert [each.evaluations for each in costs] == [1, 3, 9, 4, 12, 36]
    removed = cost(NeuralODE(8, None)).macs
    assert all(each.macs == removed + each.evaluations * (costs[0].macs - removed) for each in costs)
    assert [each.axpys for each in costs] == [1, 3, 9, 7, 21, 63]
    assert cost(NeuralODE(8, FixedStep("euler", 3, adjoint=True))) == costs[1]
    with pytest.raises(ValueError, match="what dopri5 costs depends on its input"):
        cost(NeuralODE(8, Adaptive("dopri5")))


def test_stem_and_head_are_those_of_the_residual_network() -> None:
    """And without the block only they are left."""
    residual, removed = ResNet(catalogue.get("euler"), 4, 8), NeuralODE(8, None)
    for ours, theirs in ((removed.stem, residual.stem), (removed.head, residual.head)):
        assert repr(ours) == repr(theirs)
    images = torch.randn(2, 3, 32, 32)
    assert removed(images).shape == (2, 10)
    torch.testing.assert_close(removed.eval()(images), removed.head(removed.stem(images)))
    with pytest.raises(ValueError, match="made without its ODE block"):
        removed.block  # noqa: B018


def test_another_solver_after_training(batch: tuple[Tensor, Tensor]) -> None:
    """The weights fit under every solver, and with finer steps all solve the same equation."""
    torch.manual_seed(0)
    trained = NeuralODE(8, FixedStep("euler", 2)).double().eval()
    images = batch[0][:4].double()
    other = NeuralODE(8, Adaptive("dopri5", 1e-4, 1e-4)).double().eval()
    other.load_state_dict(copy.deepcopy(trained.state_dict()))
    with torch.no_grad():
        exact, before = other(images), trained(images)
        errors = []
        for steps in (2, 8, 32):
            trained.block.solver = FixedStep("midpoint", steps)
            errors.append(float((trained(images) - exact).abs().max()))
    assert errors[2] < errors[1] < errors[0] < float((before - exact).abs().max())
    assert errors[2] < 0.05 * float((before - exact).abs().max())


@pytest.mark.parametrize("solver", [FixedStep("rk4", 2), Adaptive("dopri5", adjoint=True)], ids=str)
def test_weights_that_diverged_end_in_a_status(solver: Solver, batch: tuple[Tensor, Tensor]) -> None:
    network = NeuralODE(8, solver)
    with torch.no_grad():
        next(network.block.parameters()).fill_(torch.nan)
    with pytest.raises(SolverError) as caught:
        network(batch[0])
    assert caught.value.status == Failure.NON_FINITE


def test_mixed_precision_is_refused(batch: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(ValueError, match="without mixed precision"), torch.autocast("cpu", torch.bfloat16):
        NeuralODE(8, FixedStep("rk4", 2))(batch[0])


def kept_bytes(solver: Solver) -> int:
    """What a forward pass through the block keeps for the backward pass."""
    kept = []
    block = ODEBlock(VectorField(8), solver)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.nbytes), lambda x: x):
        block(state())
    return sum(kept)


def test_only_plain_back_propagation_keeps_every_step() -> None:
    one, two, three = (kept_bytes(FixedStep("three_eighths", steps)) for steps in (1, 2, 3))
    assert three - two == two - one > state().nbytes
    assert len({kept_bytes(FixedStep("three_eighths", steps, adjoint=True)) for steps in (1, 2, 3)}) == 1
    assert kept_bytes(Adaptive("dopri5", 1e-1, 1e-1)) < kept_bytes(Adaptive("dopri5", 1e-3, 1e-3))
    adjoint = (kept_bytes(Adaptive("dopri5", each, each, adjoint=True)) for each in (1e-1, 1e-3))
    assert len(set(adjoint)) == 1


def test_peak_memory_of_a_training_pass() -> None:
    """With half the steps of the adjoint, plain back-propagation still needs far more."""

    def peak(solver: FixedStep) -> float:
        network = NeuralODE(8, solver)
        return peak_bytes(lambda: network(torch.zeros(64, 3, 32, 32)).sum().backward()) / 2**20

    plain, adjoint, longer = (peak(FixedStep("euler", n, a)) for n, a in ((20, False), (40, True), (80, True)))
    assert plain - adjoint > 30
    assert longer == pytest.approx(adjoint, rel=1e-3), "but for the times of the steps"
