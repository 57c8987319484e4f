"""Is this project ready to seal, and this machine ready to restore?"""
