"""Batch scoring in the sealed environment: rows by the million, on one machine or on a cluster.

The parent reads and writes with pyarrow; workers in the restored environment predict.
"""
