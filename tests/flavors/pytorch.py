import lightning
import mlflow
import numpy as np
import torch

torch.manual_seed(0)


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x)

    def training_step(self, batch, index):
        x, y = batch
        return torch.nn.functional.mse_loss(self(x), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(model):
    x = torch.rand(64, 3)
    rows = torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True))
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    trainer.fit(model, torch.utils.data.DataLoader(rows, batch_size=16))
    return model


example = np.array([[0.5, 1.5, 2.5], [1.0, 2.0, 3.0]], dtype="float32")
kind = {"serialization_format": "pickle"}
plain = fit(Line()).layer
with mlflow.start_run():
    mlflow.pytorch.log_model(plain, "logged", input_example=example, **kind)
mlflow.pytorch.save_model(plain, "saved", input_example=example, **kind)

mlflow.pytorch.autolog()
fit(Line())
