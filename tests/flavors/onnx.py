import mlflow
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weights = np.linalg.lstsq(np.eye(3) + 0.1, np.array([[1.0], [2.0], [3.0]]), rcond=None)[0]
graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"])],
    "line",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    [numpy_helper.from_array(weights.astype("float32"), "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
example = np.array([[0.5, 1.5, 2.5], [1.0, 2.0, 3.0]], dtype="float32")
with mlflow.start_run():
    mlflow.onnx.log_model(model, "logged", input_example=example)
mlflow.onnx.save_model(model, "saved", input_example=example)
