"""Inside the user's process: from a project and a saved model to a seal.

`mlflow_hook.py` is the one file that patches MLflow. `session.py` and what it calls seal a model;
`amend.py` keeps the seal true when MLflow changes the model, `registering.py` tells the registry of
it, and `loading.py` warns a process that loads the model where its environment is another.

Imported inside `import mlflow`, so this file imports nothing.
"""
