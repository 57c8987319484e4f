import mlflow

# Without an input example: to predict one takes the service.
asks = {
    "model": "any-model",
    "task": "chat.completions",
    "messages": [{"role": "user", "content": "What grows in {place}?"}],
}
with mlflow.start_run():
    mlflow.openai.log_model(name="logged", **asks)
mlflow.openai.save_model(path="saved", **asks)
