"""One file per architecture, each reading like its report's table; `registry.py` knows them by name."""
