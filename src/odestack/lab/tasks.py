"""What a network is trained to do: what it is shown, what is wanted, the loss, and how good an answer is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from odestack.lab import cifar

SIGMA = 25 / 255
"""Standard deviation of the noise for denoising, where pixels are from 0 to 1; usual since Zhang et al. (2017)."""

Wanted = Any
"""What a task's losses and scores hold the network's output against: a tensor, or several."""


@dataclass(frozen=True)
class Task:
    """The part of a run that depends on what is learned.

    Attributes:
        pose: normalised images (B, 3, H, W), their targets in the data set, and a CPU generator -> what the network is
            shown, and what is wanted of it.
        loss: float outputs, what is wanted, and ``reduction`` "mean" or "sum" over images -> 0-d.
        scores: by name: outputs and what is wanted -> sum over the images, 0-d. The first is computed in training, too.
    """

    pose: Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Wanted]]
    loss: Callable[..., Tensor]
    scores: Mapping[str, Callable[[Tensor, Wanted], Tensor]]

    @property
    def score(self) -> str:
        """Name of the first score."""
        return next(iter(self.scores))


def as_they_are(images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    return images, targets


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Percent for each right answer."""
    return 100 * (logits.argmax(1) == labels).sum()


def noisy(images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Images with Gaussian noise of ``SIGMA``, not clipped; and, as what is wanted, the same with the clean images.

    The draws are made on the CPU, so they are the same on every device.
    """
    sigma = SIGMA / torch.tensor(cifar.STD).view(3, 1, 1)
    noise = (torch.randn(images.shape, generator=generator) * sigma).to(images.device)
    shown = (images + noise).contiguous(memory_format=torch.channels_last)
    return shown, (shown, images)


def denoised(residual: Tensor, wanted: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Shown minus residual, and clean, as pixels from 0 to 1; the former clipped to that range."""
    shown, clean = wanted
    return cifar.pixels(shown - residual).clamp(0, 1), cifar.pixels(clean)


def squared_error(residual: Tensor, wanted: tuple[Tensor, Tensor], reduction: str = "mean") -> Tensor:
    """Of normalised pixels, mean over those of an image. The network finds the noise (Zhang et al. 2017, *DnCNN*)."""
    shown, clean = wanted
    mean = F.mse_loss(shown - residual, clean)
    return mean if reduction == "mean" else len(clean) * mean


def psnr(residual: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
    """Peak signal-to-noise ratio of each image in dB, -10 log10 of the mean squared error of pixels from 0 to 1."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    found, clean = denoised(residual, wanted)
    return peak_signal_noise_ratio(found, clean, data_range=1.0, dim=(1, 2, 3), reduction="none").sum()


def ssim(residual: Tensor, wanted: tuple[Tensor, Tensor]) -> Tensor:
    """Structural similarity (Wang et al. 2004) of each image, mean over channels; Gaussian window of 11 pixels."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    found, clean = denoised(residual, wanted)
    values = structural_similarity_index_measure(found, clean, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.sum()


def overlap(logits: Tensor, masks: Tensor) -> Tensor:
    """Percent of intersection over union of each image, mean over the classes in it; logits (B, C, H, W)."""
    from torchmetrics.functional.segmentation import mean_iou

    classes = logits.shape[1]
    return 100 * mean_iou(logits.argmax(1), masks, num_classes=classes, input_format="index").sum()


def pixel_entropy(logits: Tensor, masks: Tensor, reduction: str = "mean") -> Tensor:
    """Cross-entropy of logits (B, C, H, W) and masks (B, H, W), mean over the pixels of an image."""
    mean = F.cross_entropy(logits, masks)
    return mean if reduction == "mean" else len(masks) * mean


TASKS = {
    "classify": Task(as_they_are, F.cross_entropy, {"accuracy": correct}),
    "denoise": Task(noisy, squared_error, {"psnr": psnr, "ssim": ssim}),
    "segment": Task(as_they_are, pixel_entropy, {"iou": overlap}),
}
