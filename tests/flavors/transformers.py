from pathlib import Path

import mlflow
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast, pipeline

torch.manual_seed(0)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "fine", "wet", "day", "night"]
Path("vocab.txt").write_text("\n".join(words))
tokenizer = BertTokenizerFast("vocab.txt")
config = BertConfig(
    vocab_size=len(words),
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
)
model = BertForSequenceClassification(config).eval()
classifier = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
with mlflow.start_run():
    mlflow.transformers.log_model(classifier, "logged", input_example=["a fine day"])
mlflow.transformers.save_model(classifier, "saved", input_example=["a fine day"])
