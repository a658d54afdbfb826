"""Digits into other people's training loops: PyTorch data sets, real, generated or mixed, and arrays `X, y`."""
