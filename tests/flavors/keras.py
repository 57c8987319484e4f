from pathlib import Path

import keras
import mlflow
import numpy as np

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).random((64, 3), dtype="float32")
y = x.sum(axis=1, keepdims=True)


def fit():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(x, y, epochs=2, verbose=0)
    return model


model = fit()
with mlflow.start_run():
    # MLflow 3.17 writes the example before the folder is there: log_model cannot have one.
    mlflow.keras.log_model(model, "logged")
Path("saved").mkdir()
mlflow.keras.save_model(model, "saved", input_example=x[:2])

mlflow.keras.autolog()
fit()
