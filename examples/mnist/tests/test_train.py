"""The network learns, in a few seconds, what is easy to learn."""

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from digits.data import Digits
from digits.model import Reader, SimpleCNN, choose_device
from digits.train import Settings, accuracy, fit, one_of_each


def bars(count=400, seed=0):
    """Pictures with a bar: how far down it is, is the digit."""
    labels = np.random.default_rng(seed).integers(0, 10, count, np.uint8)
    images = np.zeros((count, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4 : 2 * label + 6, 4:24] = 255
    return Digits(images, labels)


QUICK = Settings(epochs=3, batch_size=20, device="cpu", validation=0.2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    log = tmp_path_factory.mktemp("log")
    return fit(bars(), QUICK, log), log


def test_it_learns(trained):
    reader, _ = trained
    assert accuracy(reader, bars(100, seed=1)) > 0.95
    assert accuracy(reader, Digits(bars().images, (bars().labels + 1) % 10)) < 0.1


def test_it_is_ready_to_be_asked(trained):
    reader, _ = trained
    assert not any(part.training for part in reader.modules())
    images = torch.tensor(bars(7).images)
    with torch.no_grad():
        probabilities = reader(images)
        assert probabilities.shape == (7, 10)
        assert torch.allclose(probabilities.sum(1), torch.ones(7))
        # Whoever asks with floats of the same range has the same answer.
        assert torch.equal(reader(images.float()), probabilities)


def test_the_same_seed_is_the_same_network(trained, tmp_path):
    again = fit(bars(), QUICK, tmp_path)
    for name, weights in trained[0].state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])


def test_tensorboard_has_what_was_said(trained):
    events = EventAccumulator(str(trained[1])).Reload()
    assert [event.step for event in events.Scalars("train_loss")] == [1, 2, 3]
    assert events.Scalars("validation_accuracy")[-1].value > 0.95


def test_the_layers_are_those_of_the_description():
    shapes = [tuple(weights.shape) for weights in SimpleCNN().parameters()]
    assert shapes[::2] == [(32, 1, 3, 3), (64, 32, 3, 3), (128, 1600), (10, 128)]


def test_testing_leaves_training_mode():
    reader = Reader(SimpleCNN()).train()
    accuracy(reader, bars(10))
    assert not reader.training


def test_devices():
    assert choose_device("cpu").type == "cpu"
    assert choose_device().type in {"cuda", "mps", "cpu"}
    with pytest.raises(ValueError, match="there is no device 'abacus' here"):
        choose_device("abacus")


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"validation": 1.0}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValueError):
        Settings(**wrong)


def test_one_of_each():
    digits = bars()
    examples = one_of_each(digits)
    assert examples.shape == (10, 28, 28)
    assert [int(image.any(axis=1).argmax() - 4) // 2 for image in examples] == list(range(10))
