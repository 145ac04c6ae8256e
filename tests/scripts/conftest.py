"""The scripts are run by `tests/test_scripts.py`, not collected: some need Keras as they stand."""

collect_ignore_glob = ["*.py"]
