import mlflow
from llama_index.core import Document, Settings, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import MockLLM

Settings.llm = MockLLM()
Settings.embed_model = MockEmbedding(embed_dim=4)
index = VectorStoreIndex.from_documents([Document(text="Kelp grows on rock.", id_="kelp")])
how = {"engine_type": "query", "input_example": "What does kelp grow on?"}
with mlflow.start_run():
    mlflow.llama_index.log_model(index, "logged", **how)
mlflow.llama_index.save_model(index, "saved", **how)
