import torch
from torch import nn
from torch.nn import functional as F

from odestack.methods.catalogue import get
from odestack.nets.resnet import ResNet
from odestack.nets.signal import signal


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 3, 32, 32, generator=generator), torch.arange(8)


def test_layers_count_to_the_depth():
    images, labels = batch()
    for name in ("euler", "rk4"):
        result = signal(ResNet(get(name), 26, 4), images, labels)
        assert result.layer[0] == 1
        assert result.layer[-1] == 25  # the head is the 26th
        assert len(result.state) == len(result.gradient) == len(result.layer)


def test_norms_agree_with_hooks():
    torch.manual_seed(0)
    network = ResNet(get("heun3"), 26, 4)
    images, labels = batch()
    states: list[torch.Tensor] = []

    def note(module: nn.Module, inputs: object, state: torch.Tensor) -> None:
        state.retain_grad()
        states.append(state)

    for module in (network.stem, *network.blocks):
        module.register_forward_hook(note)
    F.cross_entropy(network(images), labels).backward()
    result = signal(network, images, labels)
    for i, state in enumerate(states[: len(result.layer)]):
        assert state.grad is not None
        torch.testing.assert_close(result.gradient[i], state.grad.norm(), rtol=1e-4, atol=0.0)
        torch.testing.assert_close(result.state[i], state.detach().pow(2).mean().sqrt(), rtol=1e-5, atol=0.0)


def test_a_branch_without_output_leaves_both_as_they_are():
    network = ResNet(get("rk4"), 26, 4, relu=False)
    for each in network.branches():
        nn.init.zeros_(each[-1].weight)  # type: ignore[arg-type]
    result = signal(network, *batch())
    assert torch.allclose(result.state, result.state[0])
    assert torch.allclose(result.gradient, result.gradient[0])
