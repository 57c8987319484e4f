"""Train on real data and log with plain MLflow. Nothing in here knows of Holdfast."""

import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tumours.features import with_ratios

data, benign = load_breast_cancer(return_X_y=True, as_frame=True)
train, test, train_benign, test_benign = train_test_split(data, benign, random_state=7)

model = make_pipeline(
    FunctionTransformer(with_ratios), StandardScaler(), LogisticRegression(max_iter=500)
).fit(train, train_benign)

with mlflow.start_run():
    mlflow.log_metric("accuracy", model.score(test, test_benign))
    logged = mlflow.sklearn.log_model(
        model,
        name="tumours",
        input_example=test.head(20),
        registered_model_name="tumours",
        serialization_format="cloudpickle",
    )

mlflow.MlflowClient().set_registered_model_alias(
    "tumours", "champion", logged.registered_model_version
)
test.to_csv("rows.csv", index=False)
print(f"accuracy on tumours it has never seen: {model.score(test, test_benign):.3f}")
