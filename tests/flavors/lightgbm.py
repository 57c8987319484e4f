import lightgbm
import mlflow
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(X, y)
kind = {"serialization_format": "cloudpickle"} if mlflow.__version__ > "3" else {}
with mlflow.start_run():
    mlflow.lightgbm.log_model(model, "logged", input_example=X.head(3), **kind)
mlflow.lightgbm.save_model(model.booster_, "saved", input_example=X.head(3))

mlflow.lightgbm.autolog(log_input_examples=True)
lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(X, y), 5)
