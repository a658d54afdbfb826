"""Weights as files: the Hugging Face folder layout, and the models that ship with the package."""
