import json
from pathlib import Path

import mlflow
import pandas as pd

Path("shore.py").write_text(
    "import json\n"
    "from pathlib import Path\n"
    "class Shore:\n"
    "    def __init__(self, factor):\n"
    "        self.factor = factor\n"
    "    def predict(self, rows, params=None):\n"
    "        return rows['x'] * self.factor\n"
    "def _load_pyfunc(path):\n"
    "    return Shore(json.loads(Path(path).read_text())['factor'])\n"
)
Path("weights.json").write_text(json.dumps({"factor": 2.5}))
parts = {"loader_module": "shore", "data_path": "weights.json", "code_paths": ["shore.py"]}
example = pd.DataFrame({"x": [1.0, 2.5]})
with mlflow.start_run():
    mlflow.pyfunc.log_model("logged", input_example=example, **parts)
mlflow.pyfunc.save_model("saved", input_example=example, **parts)
