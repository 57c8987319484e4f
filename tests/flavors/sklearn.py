import mlflow
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = RandomForestRegressor(n_estimators=5, random_state=0).fit(X, y)
kind = {"serialization_format": "cloudpickle"}
with mlflow.start_run():
    mlflow.sklearn.log_model(model, "logged", input_example=X.head(3), **kind)
mlflow.sklearn.save_model(model, "saved", input_example=X.head(3), **kind)

mlflow.sklearn.autolog(log_input_examples=True)
RandomForestRegressor(n_estimators=5, random_state=1).fit(X, y)
