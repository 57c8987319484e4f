"""From a model to the environment that its seal names, whole or slim.

`restore.py` has the verb, `restored.py` what it gives, `lock.py` the lock that was sealed or one
made late, `slim.py` the search for the smallest part that is proven, `findings.py` what it found
before, `replay.py` the proof.
"""
