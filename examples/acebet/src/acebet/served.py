"""What MLflow runs to have the model: its "models from code", so that nothing is pickled."""

from mlflow.models import set_model

from acebet.model import WinModel

set_model(WinModel())
