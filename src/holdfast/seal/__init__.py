"""The seal: what is written beside the model, and read back."""
