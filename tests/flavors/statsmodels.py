import mlflow
import statsmodels.api as sm
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
model = sm.OLS(y, X).fit()
with mlflow.start_run():
    mlflow.statsmodels.log_model(model, "logged", input_example=X.head(3))
mlflow.statsmodels.save_model(model, "saved", input_example=X.head(3))

mlflow.statsmodels.autolog()
sm.OLS(y, X[["bmi", "bp"]]).fit()
