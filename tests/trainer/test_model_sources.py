"""Models in open files, in folders, and in checkpoints of a run."""

import io
from pathlib import Path

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import OrbaxCheckpoint

X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def trained(*callbacks: object) -> jkeras.Sequential:
    """A model that has made four updates."""
    layers = [jkeras.layers.Dense(4), jkeras.layers.BatchNormalization(), jkeras.layers.Dense(1)]
    model = jkeras.Sequential(layers, seed=0)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=list(callbacks))
    return model


def assert_trains_on_as(model: jkeras.Sequential, loaded: jkeras.Sequential) -> None:
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    fits = [m.fit(X, Y, shuffle=False, verbose=0).history for m in (model, loaded)]
    assert fits[0] == fits[1]
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_an_open_file() -> None:
    model, file = trained(), io.BytesIO()
    model.save(file)
    file.seek(0)
    assert_trains_on_as(model, jkeras.models.load_model(file))


def test_a_folder_of_the_three_files(tmp_path: Path) -> None:
    model = trained()
    model.save(tmp_path / "whole", zipped=False)
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == ["config.json", "metadata.json", "model.weights.h5"]
    assert_trains_on_as(model, jkeras.models.load_model(tmp_path / "whole"))
    with pytest.raises(ValueError, match="expected the name of a folder"):
        model.save(tmp_path / "whole.keras", zipped=False)
    with pytest.raises(FileExistsError):
        model.save(tmp_path / "whole", overwrite=False, zipped=False)


@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_a_checkpoint_of_a_run(save_freq: int | str, tmp_path: Path) -> None:
    model = trained(OrbaxCheckpoint(tmp_path, save_freq=save_freq))
    loaded = jkeras.models.load_model(tmp_path)
    assert loaded.optimizer.iterations == (4 if save_freq == "epoch" else 3)
    if save_freq == "epoch":
        assert_trains_on_as(model, loaded)
    plain = jkeras.models.load_model(tmp_path, compile=False)
    assert not plain.compiled and plain.predict(X, verbose=0).shape == (16, 1)


def test_a_checkpoint_without_a_configuration(tmp_path: Path) -> None:
    trained(OrbaxCheckpoint(tmp_path, save_weights_only=True))
    with pytest.raises(ValueError, match="run"):
        jkeras.models.load_model(tmp_path)


def test_a_file_that_is_not_there_is_a_value_error_as_in_keras() -> None:
    for kind in (FileNotFoundError, ValueError):
        with pytest.raises(kind, match="there is no such file"):
            jkeras.models.load_model("no.keras")
