"""The network. It takes pixels as they come: what makes them fit it is part of it."""

import torch
from torch import Tensor, nn

BRIGHTEST = 16.0


class Network(nn.Module):
    """Two convolutions and two layers: (n, 8, 8) of 0 to 16 in, (n, 10) probabilities out."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(64, 10),
        )

    def scores(self, images: Tensor) -> Tensor:
        """What is learnt: (n, 10), larger for the likelier."""
        return self.layers(images.unsqueeze(1) / BRIGHTEST)

    def forward(self, images: Tensor) -> Tensor:
        """The probability of each digit."""
        return torch.softmax(self.scores(images), dim=1)
