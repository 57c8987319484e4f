"""Tells benign tumours from malignant ones (the Breast Cancer Wisconsin data)."""
