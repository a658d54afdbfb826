"""A run made visible: curves and grids as figures, and one HTML page to show to a class."""
