"""MLflow Projects: entry points of an `MLproject` file, run in the project's locked environment.

`mlflow run . --backend holdfast`. MLflow fetches the project, makes the run and computes the
command; the environment comes from the project's `uv.lock`, through Holdfast's store. `backend.py`
is what MLflow loads; nothing here patches MLflow.
"""
