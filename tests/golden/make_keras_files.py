"""Writes `keras_files.npz`: files that Keras made of the models in `keras_files_cases`.

For each model the bytes of its `.keras` file, what it predicts, and its weights under their paths
in the file; for some, files after three updates and the losses of the next three.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_keras_files.py
"""

from __future__ import annotations

import pathlib
import sys
import tempfile
import warnings

import keras
import numpy as np

HERE = pathlib.Path(__file__).parent
TARGET = HERE / "keras_files.npz"
sys.path.insert(0, str(HERE))

import keras_files_cases as cases  # noqa: E402  # the folder is no package

FOLDER = pathlib.Path(tempfile.mkdtemp())


def main() -> None:
    """Saves every case by Keras."""
    warnings.simplefilter("ignore")
    found: dict[str, np.ndarray] = {"keras": np.array(keras.__version__)}
    for name, make in cases.fragments(keras).items():
        keras.backend.clear_session()
        model = make()
        scramble(model)
        x = cases.inputs_of(specs(model))
        outputs = keras.tree.flatten(model(arranged(model, x)))
        found[f"{name}/file"] = saved(model)
        found |= {f"{name}/x{i}": array for i, array in enumerate(x)}
        found |= {f"{name}/y{i}": np.asarray(y, "float32") for i, y in enumerate(outputs)}
    for name, make in cases.OPTIMIZERS.items():
        keras.backend.clear_session()
        found |= {f"{name}/{key}": value for key, value in trained(make).items()}
    np.savez_compressed(TARGET, **found)
    count = sum(key.endswith("/file") for key in found)
    print(f"{TARGET.name}: {count} files, {TARGET.stat().st_size} bytes, Keras {keras.__version__}")


def scramble(model: keras.Model) -> None:
    """Gives every weight numbers of its own, so that two cannot be taken for one another."""
    for number, variable in enumerate(model.variables):
        if "seed" in variable.path or not keras.backend.is_float_dtype(variable.dtype):
            continue
        places = np.arange(int(np.prod(variable.shape))).reshape(variable.shape)
        variable.assign(0.5 + 0.4 * np.sin(0.7 * places + 1.3 * number))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def specs(model: keras.Model) -> list[tuple[tuple[int, ...], str]]:
    """Shapes and dtypes of a model's inputs, without the batch axis."""
    if not hasattr(model, "inputs"):
        return [((4,), "float32")]
    return [(tuple(x.shape[1:]), str(x.dtype)) for x in keras.tree.flatten(model.inputs)]


def arranged(model: keras.Model, x: list[np.ndarray]) -> object:
    """The inputs in the form in which the model takes them."""
    return x[0] if len(x) == 1 else keras.tree.pack_sequence_as(model._inputs_struct, x)


def saved(model: keras.Model) -> np.ndarray:
    """The bytes of the model's file."""
    model.save(FOLDER / "model.keras")
    return np.frombuffer((FOLDER / "model.keras").read_bytes(), np.uint8)


def trained(make: object) -> dict[str, np.ndarray]:
    """A file after some updates, and the losses of those that follow."""
    model = cases.small(keras)
    scramble(model)
    model.compile(make(keras), "mse", jit_compile=False)
    x, y = cases.data()
    model.fit(x, y, batch_size=2, epochs=cases.EPOCHS, shuffle=False, verbose=0)
    file = saved(model)
    fit = model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    return {"trained": file, "losses": np.array(fit.history["loss"])}


if __name__ == "__main__":
    main()
