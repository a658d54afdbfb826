"""What generated digits are worth, in figures: features -> statistics -> figure."""
