"""The network, and what is made of it to be asked: pixels in, probabilities out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Of all pixels of MNIST's training digits, as shares of white.
_MEAN, _DEVIATION = 0.1307, 0.3081


class SimpleCNN(nn.Module):
    """Two convolutions and two layers: 1x28x28 -> 32x13x13 -> 64x5x5 = 1600 -> 128 -> 10."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, kernel_size=3),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, (n, 10), of normalised pixels, (n, 1, 28, 28)."""
        logits: Tensor = self.classifier(self.features(pixels))
        return logits


class Reader(nn.Module):
    """The network with all that it needs around it, so that nobody has to know how it was trained.

    What is logged is this: a caller who forgot to normalise could not tell.
    """

    def __init__(self, network: SimpleCNN) -> None:
        super().__init__()
        self.network = network

    def logits(self, images: Tensor) -> Tensor:
        """Logits, (n, 10), of images, (n, 28, 28) with values from 0, paper, to 255, ink."""
        pixels = (images.unsqueeze(1).to(torch.float32) / 255 - _MEAN) / _DEVIATION
        logits: Tensor = self.network(pixels)
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Probabilities of the ten digits, (n, 10)."""
        return torch.softmax(self.logits(images), dim=1)


def choose_device(name: str = "auto") -> torch.device:
    """The device to compute on.

    Args:
        name: "cpu", "cuda", "mps", or "auto" for the best that this machine has.

    Raises:
        ValueError: This machine, or this build of PyTorch, does not have it.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(one for one, is_there in there.items() if is_there)
    if not there.get(name):
        has = ", ".join(one for one, is_there in there.items() if is_there)
        raise ValueError(f"there is no device {name!r} here; there is {has}")
    return torch.device(name)
