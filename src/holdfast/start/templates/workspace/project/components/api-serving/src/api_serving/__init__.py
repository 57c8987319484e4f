"""A model of wines, and the API that answers with it."""
