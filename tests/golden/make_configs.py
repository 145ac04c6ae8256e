"""Writes `configs.json`: the configurations that Keras gives for the objects of `config_cases`.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_configs.py
"""

from __future__ import annotations

import json
import pathlib
import re
import sys

import keras
import numpy as np

HERE = pathlib.Path(__file__).parent
TARGET = HERE / "configs.json"
sys.path.insert(0, str(HERE))

import config_cases  # noqa: E402  # the folder is no package


def main() -> None:
    """Serializes every case by Keras."""
    configs = {}
    for _, expression, made in config_cases.objects(keras, np):
        config = keras.saving.serialize_keras_object(made)
        # Keras counts the objects of a process: "dense_7". The names here begin anew.
        text = re.sub(r'("name": "[a-z0-9_]*?)_\d+"', r'\1"', json.dumps(config))
        configs[expression] = json.loads(text)
    for name, make in config_cases.MODELS.items():
        keras.backend.clear_session()
        configs[name] = json.loads(make(keras).to_json())
    lines = [f"{json.dumps(case)}: {json.dumps(config)}" for case, config in configs.items()]
    version, listed = json.dumps(keras.__version__), ",\n".join(lines)
    TARGET.write_text(f'{{"keras": {version},\n"configs": {{\n{listed}\n}}}}\n')
    print(f"{TARGET.name}: {len(configs)} configurations, Keras {keras.__version__}")


if __name__ == "__main__":
    main()
