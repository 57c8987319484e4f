import catboost
import mlflow
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = catboost.CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False)
model.fit(X, y)
with mlflow.start_run():
    mlflow.catboost.log_model(model, "logged", input_example=X.head(3))
mlflow.catboost.save_model(model, "saved", input_example=X.head(3))
