from pathlib import Path

import mlflow
import torch
from sentence_transformers import SentenceTransformer, models
from transformers import BertConfig, BertModel, BertTokenizerFast

torch.manual_seed(0)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "fine", "wet", "day", "night"]
Path("vocab.txt").write_text("\n".join(words))
BertTokenizerFast("vocab.txt").save_pretrained("tiny")
config = BertConfig(
    vocab_size=len(words),
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
)
BertModel(config).save_pretrained("tiny")
words_in = models.Transformer("tiny")
model = SentenceTransformer(modules=[words_in, models.Pooling(16)], device="cpu")
with mlflow.start_run():
    mlflow.sentence_transformers.log_model(model, "logged", input_example=["a fine day"])
mlflow.sentence_transformers.save_model(model, "saved", input_example=["a fine day"])
