import mlflow
import numpy as np
import pandas as pd
from prophet import Prophet

days = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=120)})
days["y"] = np.sin(np.arange(120) / 7) + np.arange(120) / 50
# Without uncertainty: its samples are drawn anew for every prediction.
model = Prophet(uncertainty_samples=0).fit(days)
coming = model.make_future_dataframe(3).tail(3)
with mlflow.start_run():
    mlflow.prophet.log_model(model, "logged", input_example=coming)
mlflow.prophet.save_model(model, "saved", input_example=coming)
