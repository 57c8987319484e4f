"""Training: the loop, what MLflow is told of it, and the model that is registered."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import mlflow
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter

from digits.data import Digits
from digits.model import Reader, SimpleCNN, choose_device

NAME = "digits"
"""Of the registered model; its alias `champion` names the version that was trained last."""


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        epochs: How often each digit is seen.
        batch_size: Digits a step.
        lr: Learning rate at the start of stochastic gradient descent; it falls to 0.
        momentum: Of the descent.
        validation: Share of the training digits that are not trained on, but watched.
        seed: Of the split, the weights and the order.
        device: "auto", "cpu", "cuda" or "mps".
    """

    epochs: int = 8
    batch_size: int = 64
    lr: float = 0.02
    momentum: float = 0.9
    validation: float = 0.1
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError("epochs and batch size have to be at least 1")
        if not 0 <= self.validation < 1:
            raise ValueError(f"the share to watch is {self.validation}; expected 0 to below 1")


def fit(digits: Digits, settings: Settings, log: Path) -> Reader:
    """A network that has learned from `digits`, in evaluation mode, on the CPU.

    Args:
        digits: To learn from.
        settings: How.
        log: A folder for TensorBoard; what is written there, MLflow's autologging logs.
    """
    torch.manual_seed(settings.seed)
    torch.backends.cudnn.deterministic = True
    device = choose_device(settings.device)
    seen, watched = digits.split(settings.validation, settings.seed)
    batches = DataLoader(
        TensorDataset(torch.tensor(seen.images), torch.tensor(seen.labels, dtype=torch.long)),
        batch_size=settings.batch_size,
        shuffle=True,
    )
    reader = Reader(SimpleCNN()).to(device)
    descent = torch.optim.SGD(reader.parameters(), lr=settings.lr, momentum=settings.momentum)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(descent, settings.epochs * len(batches))
    with SummaryWriter(str(log)) as writer:
        for epoch in range(1, settings.epochs + 1):
            reader.train()
            total = torch.zeros((), device=device)
            for images, labels in batches:
                descent.zero_grad()
                loss = nn.functional.cross_entropy(
                    reader.logits(images.to(device)), labels.to(device)
                )
                loss.backward()  # type: ignore[no-untyped-call]
                descent.step()
                slower.step()
                total += loss.detach()
            told = {"train_loss": total.item() / len(batches)}
            if len(watched):
                told["validation_accuracy"] = accuracy(reader, watched)
            for name, value in told.items():
                writer.add_scalar(name, value, epoch)
            said = ", ".join(f"{name} {value:.4f}" for name, value in told.items())
            print(f"epoch {epoch}/{settings.epochs}: {said}", file=sys.stderr)
    return reader.to("cpu").eval()


def accuracy(reader: Reader, digits: Digits, batch_size: int = 1000) -> float:
    """The share of `digits` that the network reads right, in evaluation mode."""
    device = next(reader.parameters()).device
    reader.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(digits), batch_size):
            batch = slice(start, start + batch_size)
            read = reader(torch.tensor(digits.images[batch], device=device)).argmax(1)
            right += int((read.cpu().numpy() == digits.labels[batch]).sum())
    return right / len(digits)


def train(digits: Digits, settings: Settings, log: Path) -> str:
    """Train, log and register a model; the URI of its version.

    The champion is whatever was trained last: with other data, figures could not be compared.
    """
    # What TensorBoard's writer is told is logged; models only below, with an example and a name.
    mlflow.pytorch.autolog(log_every_n_step=1, log_models=False)
    mlflow.set_experiment(NAME)
    with mlflow.start_run() as run:
        mlflow.log_params(asdict(settings) | {"digits": len(digits)})
        reader = fit(digits, settings, log / run.info.run_id)
        logged = mlflow.pytorch.log_model(
            reader,
            name=NAME,
            registered_model_name=NAME,
            input_example=one_of_each(digits),
            # A graph and its weights: nothing that could run other code when it is loaded.
            serialization_format="pt2",
        )
    version = logged.registered_model_version
    mlflow.MlflowClient().set_registered_model_alias(NAME, "champion", version)
    return f"models:/{NAME}/{version}"


def one_of_each(digits: Digits) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Images of the digits from 0 to 9, as far as there are any, the first of each."""
    _, first = np.unique(digits.labels, return_index=True)
    return digits.images[first]
