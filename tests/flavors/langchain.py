from pathlib import Path

import mlflow

Path("chain.py").write_text(
    "import mlflow\n"
    "from langchain_core.prompts import PromptTemplate\n"
    "from langchain_core.runnables import RunnableLambda\n"
    "prompt = PromptTemplate.from_template('What grows in {place}?')\n"
    "mlflow.models.set_model(prompt | RunnableLambda(lambda asked: asked.text.upper()))\n"
)
example = {"place": "the sea"}
with mlflow.start_run():
    mlflow.langchain.log_model("chain.py", "logged", input_example=example)
mlflow.langchain.save_model("chain.py", "saved", input_example=example)
