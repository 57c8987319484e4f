"""The process that loads a model and predicts, and the wire to it."""
