"""Reading images: the recogniser that a semi-supervised run leaves, from a folder, as an .onnx file, at work."""
