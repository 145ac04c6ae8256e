"""The examples are run by `tests/test_examples.py`, not collected: they need Keras as they stand."""

collect_ignore_glob = ["*.py"]
