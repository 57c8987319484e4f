import mlflow
from pyspark.ml import Pipeline
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True, as_frame=True)
spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.createDataFrame(X[["bmi", "bp"]].assign(target=y))
parts = [VectorAssembler(inputCols=["bmi", "bp"], outputCol="features")]
line = Pipeline(stages=[*parts, LinearRegression(labelCol="target")])
model = line.fit(rows)
example = X[["bmi", "bp"]].head(3)
with mlflow.start_run():
    mlflow.spark.log_model(model, "logged", input_example=example)
mlflow.spark.save_model(model, "saved", input_example=example)

mlflow.pyspark.ml.autolog(log_input_examples=True)
line.fit(rows)
