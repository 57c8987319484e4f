import mlflow
import pandas as pd


class Scaled(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.factor = 3.0

    def predict(self, context, model_input, params=None):
        return (model_input["x"] * self.factor).to_numpy()


example = pd.DataFrame({"x": [1.0, 2.5]})
with mlflow.start_run():
    mlflow.pyfunc.log_model("logged", python_model=Scaled(), input_example=example)
mlflow.pyfunc.save_model("saved", python_model=Scaled(), input_example=example)
