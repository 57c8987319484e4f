"""What is asked of the gateway and is no prediction; `app.py` puts the parts together."""
