"""Batch norm and the ReLU after it as one function: tried, and not used by the engine."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class _NormReLU(torch.autograd.Function):
    """relu(batch norm(x)), whose backward pass is written with one row an image, (B, H W C), so that its additions and
    products run along memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: nn.BatchNorm2d, weight: Tensor, bias: Tensor) -> Tensor:
        y, mean, inverse_std = torch.native_batch_norm(
            x, weight, bias, norm.running_mean, norm.running_var, True, norm.momentum or 0.0, norm.eps
        )
        ctx.save_for_backward(x, y.relu_(), weight, mean, inverse_std)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        x, y, weight, mean, inverse_std = ctx.saved_tensors
        batch, channels, height, width = x.shape
        pixels, samples = height * width, batch * height * width

        def rows(tensor: Tensor) -> Tensor:
            return tensor.permute(0, 2, 3, 1).reshape(batch, -1)

        def channel_sums(tensor: Tensor) -> Tensor:
            return tensor.sum(0, dtype=torch.float32).view(-1, channels).sum(0)

        passed, inputs = rows(gradients[0] * (y > 0)), rows(x)
        bias_gradient = channel_sums(passed)
        weight_gradient = (channel_sums(passed * inputs) - mean * bias_gradient) * inverse_std
        scale = weight * inverse_std
        slope = -scale * inverse_std * weight_gradient / samples
        shift = -scale * bias_gradient / samples - slope * mean
        scale, slope, shift = (each.to(x.dtype).repeat(pixels) for each in (scale, slope, shift))
        found = torch.addcmul(shift, inputs, slope).addcmul_(passed, scale)
        return found.view(batch, height, width, channels).permute(0, 3, 1, 2), None, weight_gradient, bias_gradient


class NormReLU(nn.Module):
    """A batch norm and the ReLU after it, while training; channels last, (B, C, H, W)."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return _NormReLU.apply(x, self.norm, self.norm.weight, self.norm.bias)  # type: ignore[no-any-return]


def fuse(network: nn.Module) -> None:
    """Put a ``NormReLU`` in place of every batch norm that a ReLU follows."""
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for i, (first, second) in enumerate(pairwise(sequence)):
            if isinstance(first, nn.BatchNorm2d) and isinstance(second, nn.ReLU):
                sequence[i], sequence[i + 1] = NormReLU(first), nn.Identity()
