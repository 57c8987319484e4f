from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.image.inside.labels import image_labels, model_name
from holdfast.mlflow_store import RegisteredVersion
from holdfast.model import open_model


@pytest.fixture
def model(small):
    return open_model(small.model)


def test_what_an_image_says_of_itself(model):
    labels = image_labels(model, "abc", "3.11.7", base_digest="sha256:1")
    assert labels["dev.holdfast.seal"] == f"sha256:{model.digest}"
    assert labels["dev.holdfast.lock"] == f"sha256:{model.seal.lock}"
    assert labels["dev.holdfast.environment"] == "abc"
    assert labels["org.opencontainers.image.title"] == "small"
    assert labels["org.opencontainers.image.base.digest"] == "sha256:1"
    assert "org.opencontainers.image.base.name" not in labels


def test_no_folder_of_this_machine_is_in_it(model):
    labels = image_labels(model, "abc", "3.11.7")
    assert not any(str(model.path.parent) in text for text in labels.values())
    assert "dev.holdfast.model" not in labels


def test_a_version_is_named_by_its_number_whatever_alias_it_was_opened_by(model):
    version = RegisteredVersion(name="churn", version="3")
    opened = replace(model, uri="models:/churn@champion", registered=version)
    assert model_name(opened) == "models:/churn/3"
    labels = image_labels(opened, "abc", "3.11.7")
    assert labels["org.opencontainers.image.title"] == "churn"
    assert labels["org.opencontainers.image.version"] == "3"


def test_a_logged_model_is_named_by_its_uri(model):
    assert model_name(replace(model, uri="runs:/ab/model")) == "runs:/ab/model"
