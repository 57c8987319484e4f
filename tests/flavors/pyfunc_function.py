import mlflow


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


with mlflow.start_run():
    mlflow.pyfunc.log_model("logged", python_model=shout, input_example=["kelp", "rock"])
mlflow.pyfunc.save_model("saved", python_model=shout, input_example=["kelp", "rock"])
