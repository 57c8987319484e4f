"""Log time: from a project and a saved model to a seal.

Imported inside `import mlflow`, so this file imports nothing.
"""
