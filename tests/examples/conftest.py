"""`tests/test_examples.py` runs the examples, which need Keras as they stand."""

collect_ignore_glob = ["*.py"]
