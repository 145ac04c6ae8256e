"""Trained models for other places: StableHLO, ONNX, LiteRT, a web page."""
