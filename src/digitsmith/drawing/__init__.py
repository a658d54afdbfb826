"""Labels and a seed -> images: single digits, whole numbers, and data sets in every usual format."""
