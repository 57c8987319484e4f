import mlflow
import numpy as np
import paddle

paddle.seed(0)
x = paddle.rand([64, 3])
y = x.sum(axis=1, keepdim=True)


def fit():
    network = paddle.nn.Linear(3, 1)
    adam = paddle.optimizer.Adam(learning_rate=0.1, parameters=network.parameters())
    for _ in range(5):
        paddle.nn.functional.mse_loss(network(x), y).backward()
        adam.step()
        adam.clear_grad()
    return network


model = paddle.jit.to_static(fit(), input_spec=[paddle.static.InputSpec([None, 3], "float32")])
example = np.array([[0.5, 1.5, 2.5], [1.0, 2.0, 3.0]], dtype="float32")
with mlflow.start_run():
    mlflow.paddle.log_model(model, "logged", input_example=example)
mlflow.paddle.save_model(model, "saved", input_example=example)
