# In the words that MLflow understood from 2.14 on.
import lightgbm
import mlflow
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] * 2


X, y = load_diabetes(return_X_y=True, as_frame=True)
line = Ridge().fit(X, y)
trees = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(X, y), 5)
x = pd.DataFrame({"x": [1.0, 2.5]})
kind = {"serialization_format": "cloudpickle"}
with mlflow.start_run():
    mlflow.sklearn.log_model(line, "sklearn", input_example=X.head(3), **kind)
    mlflow.lightgbm.log_model(trees, "lightgbm", input_example=X.head(3))
    mlflow.pyfunc.log_model("pyfunc", python_model=Doubled(), input_example=x)

mlflow.sklearn.autolog(log_input_examples=True)
Ridge(alpha=2.0).fit(X, y)
