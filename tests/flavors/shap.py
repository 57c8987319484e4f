import mlflow
import shap
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = RandomForestRegressor(n_estimators=3, max_depth=3, random_state=0).fit(X, y)
explainer = shap.Explainer(model.predict, X.head(20), algorithm="exact")
with mlflow.start_run():
    mlflow.shap.log_explainer(explainer, "logged", input_example=X.head(2))
mlflow.shap.save_explainer(explainer, "saved", input_example=X.head(2))
