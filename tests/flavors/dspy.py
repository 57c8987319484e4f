import dspy
import mlflow


class Shout(dspy.Module):
    def forward(self, question):
        return dspy.Prediction(answer=question.upper())


with mlflow.start_run():
    mlflow.dspy.log_model(Shout(), "logged", input_example="kelp")
mlflow.dspy.save_model(Shout(), "saved", input_example="kelp")
