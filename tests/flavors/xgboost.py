import mlflow
import xgboost
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = xgboost.XGBRegressor(n_estimators=5).fit(X, y)
with mlflow.start_run():
    mlflow.xgboost.log_model(model, "logged", input_example=X.head(3))
mlflow.xgboost.save_model(model.get_booster(), "saved", input_example=X.head(3))

mlflow.xgboost.autolog(log_input_examples=True)
xgboost.train({"objective": "reg:squarederror"}, xgboost.DMatrix(X, y), 5)
