from pathlib import Path

import mlflow
import pandas as pd

Path("model.py").write_text(
    "import mlflow\n"
    "class Doubled(mlflow.pyfunc.PythonModel):\n"
    "    def predict(self, context, model_input, params=None):\n"
    "        return model_input['x'] * 2\n"
    "mlflow.models.set_model(Doubled())\n"
)
example = pd.DataFrame({"x": [1.0, 2.5]})
with mlflow.start_run():
    mlflow.pyfunc.log_model("logged", python_model="model.py", input_example=example)
mlflow.pyfunc.save_model("saved", python_model="model.py", input_example=example)
