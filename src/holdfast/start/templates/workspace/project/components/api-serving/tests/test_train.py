import holdfast
import mlflow
import pytest
from mlflow import MlflowClient

from api_serving.features import Features
from api_serving.registry import ALIAS, NAME
from api_serving.train import Training, build, load
from plugin_registry import PluginError


def test_plugins_add_features() -> None:
    table, _ = load()
    wider = Features(("ratios", "logarithms")).transform(table)
    added = ["flavanoids_of_phenols", "log_proline", "log_magnesium"]
    assert list(wider.columns) == [*table.columns, *added]
    assert not wider.isna().any(axis=None)


def test_a_plugin_that_is_not_there() -> None:
    table, grower = load()
    with pytest.raises(PluginError, match="'ratio'; did you mean 'ratios'"):
        build(Training(features=("ratio",))).fit(table, grower)


def test_the_first_one_is_champion_and_names_the_growers(model: str) -> None:
    champion = MlflowClient().get_model_version_by_alias(NAME, ALIAS)
    assert model == f"models:/{NAME}/{champion.version}"
    assert mlflow.get_run(champion.run_id).data.metrics["accuracy"] > 0.9


def test_it_is_sealed_with_the_components_that_it_needs(model: str) -> None:
    seal = holdfast.open_model(model).seal
    assert seal.grade == "locked"
    wheels = {wheel.name for wheel in seal.wheels}
    assert wheels == {"api-serving", "config-management", "plugin-registry"}
