"""What PyTorch does in several passes over memory in one: compiled here by Numba, run by PyTorch's own threads."""
