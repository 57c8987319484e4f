"""The page of a sealed model: what its seal says, for people, as one HTML file.

Pure but for `write.py`. The page lies in the model's artifacts (`holdfast/model.html`) and is shown
by MLflow's UI in a sandboxed frame. It asks nothing of a network, runs no script, and shows other
people's words as words.
"""
