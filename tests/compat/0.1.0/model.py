
import pandas
from trainer import add
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Adder(PythonModel):
    def predict(self, context, model_input, params=None):
        return pandas.DataFrame({"sum": add(model_input["a"], model_input["b"])})

set_model(Adder())
