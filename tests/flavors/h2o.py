import h2o
import mlflow
from h2o.estimators import H2OGeneralizedLinearEstimator
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
h2o.init(max_mem_size="1G", nthreads=1)
model = H2OGeneralizedLinearEstimator(seed=0)
model.train(y="target", training_frame=h2o.H2OFrame(X.assign(target=y)))
with mlflow.start_run():
    mlflow.h2o.log_model(model, "logged", input_example=X.head(3))
mlflow.h2o.save_model(model, "saved", input_example=X.head(3))
h2o.cluster().shutdown()
