import mlflow
import numpy as np
import pandas as pd
import pmdarima

model = pmdarima.ARIMA(order=(1, 0, 1)).fit(np.sin(np.arange(80) / 5) + np.arange(80) / 40)
horizon = pd.DataFrame({"n_periods": [5]})
with mlflow.start_run():
    mlflow.pmdarima.log_model(model, "logged", input_example=horizon)
mlflow.pmdarima.save_model(model, "saved", input_example=horizon)
