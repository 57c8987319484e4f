import mlflow
import pandas as pd
import spacy
from spacy.training import Example

texts = {"a fine day": {"sun": 1.0, "rain": 0.0}, "a wet night": {"sun": 0.0, "rain": 1.0}}
model = spacy.blank("en")
categories = model.add_pipe("textcat")
examples = [Example.from_dict(model.make_doc(text), {"cats": cats}) for text, cats in texts.items()]
categories.add_label("sun")
categories.add_label("rain")
model.initialize(lambda: examples)
for _ in range(5):
    model.update(examples)
example = pd.DataFrame({"text": list(texts)})
with mlflow.start_run():
    mlflow.spacy.log_model(model, "logged", input_example=example)
mlflow.spacy.save_model(model, "saved", input_example=example)
