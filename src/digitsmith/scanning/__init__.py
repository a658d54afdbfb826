"""Own scans: photographs of digits and sheets of filled-in boxes -> labelled images in MNIST's form."""
