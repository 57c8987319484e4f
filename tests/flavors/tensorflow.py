import mlflow
import numpy as np
import tensorflow as tf

tf.random.set_seed(0)
x = np.random.default_rng(0).random((64, 3), dtype="float32")
y = x.sum(axis=1, keepdims=True)


class Line(tf.Module):
    def __init__(self):
        weights = np.linalg.lstsq(x, y, rcond=None)[0]
        self.weights = tf.Variable(weights)

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def __call__(self, rows):
        return tf.matmul(rows, self.weights)


model = Line()
signature = mlflow.models.infer_signature(x[:2], y[:2])
with mlflow.start_run():
    mlflow.tensorflow.log_model(model, "logged", input_example=x[:2], signature=signature)
mlflow.tensorflow.save_model(model, "saved", input_example=x[:2], signature=signature)

mlflow.tensorflow.autolog(log_input_examples=True)
network = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
network.compile(optimizer="sgd", loss="mse")
network.fit(x, y, epochs=2, verbose=0)
