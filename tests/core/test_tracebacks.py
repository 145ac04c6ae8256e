"""Short tracebacks: the user's own lines, at every function that users call."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.core.tracebacks import api_boundary

X = np.ones((4, 3), "float32")
LINES_OF_KERAS = 17
"""The lines of Keras 3.15.1 for targets that do not fit."""


@pytest.fixture(autouse=True)
def filtering() -> Iterator[None]:
    jkeras.config.enable_traceback_filtering()
    yield
    jkeras.config.disable_traceback_filtering()


class Own(L.Layer):
    """A layer with an error of the user's."""

    def call(self, inputs: Any) -> Any:
        return inputs @ np.ones((7, 2), "float32")


def compiled(*layers: Any) -> jkeras.Sequential:
    model = jkeras.Sequential([*layers])
    model.compile("sgd", "categorical_crossentropy")
    return model


USES: dict[str, Callable[[], Any]] = {
    "fit": lambda: compiled(L.Dense(3, "softmax")).fit(X, X[:, :2], verbose=0),
    "evaluate": lambda: compiled(L.Dense(3, "softmax")).evaluate(X, X[:, :2], verbose=0),
    "predict": lambda: compiled(L.LSTM(3)).predict(X, verbose=0),
    "predict_on_batch": lambda: compiled(L.LSTM(3)).predict_on_batch(X),
    "compile": lambda: compiled().compile("sgd", "msee"),
    "build": lambda: compiled(L.LSTM(3)).build((None, 4)),
    "model called": lambda: compiled(L.LSTM(3))(X),
    "layer called": lambda: L.LSTM(3)(X),
    "layer called on a symbol": lambda: L.LSTM(3)(jkeras.Input((4,))),
    "layer built": lambda: L.LSTM(3).build((None, 4)),
    "constructor": lambda: jkeras.Sequential(["relu"]),
    "add": lambda: compiled().add("relu"),
    "load": lambda: jkeras.models.load_model("nowhere.keras"),
    "a layer's argument": lambda: L.Dense(0),
}


def of_package(error: BaseException) -> list[str]:
    """The files of this package and of JAX in a traceback, without the functions that filter."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    hidden = "/jkeras/", "/jax/"
    found = [
        file for file in files if any(part in file for part in hidden) and "/tests/" not in file
    ]
    return [file for file in found if not file.endswith(("core/tracebacks.py", "core/errors.py"))]


@pytest.mark.filterwarnings("ignore:.*before the model was built")
@pytest.mark.parametrize("name", USES)
def test_a_traceback_is_as_short_as_keras_s(name: str) -> None:
    with pytest.raises((TypeError, ValueError, OSError)) as caught:
        USES[name]()
    assert len("".join(traceback.format_exception(caught.value)).splitlines()) <= LINES_OF_KERAS + 3
    if name != "a layer's argument":
        assert of_package(caught.value) == []


def test_the_users_own_lines_stay() -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        compiled(Own()).fit(X, X, verbose=0)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert frames[-1].line == 'return inputs @ np.ones((7, 2), "float32")'
    assert of_package(caught.value) == []


def test_all_lines_on_request() -> None:
    jkeras.config.disable_traceback_filtering()
    assert not jkeras.config.is_traceback_filtering_enabled()
    with pytest.raises(ValueError) as caught:
        L.LSTM(3)(X)
    assert len(of_package(caught.value)) > 3


def test_an_error_keeps_its_type_its_notes_and_its_causes() -> None:
    class OwnError(Exception):
        pass

    made = OwnError("why", 3)
    made.add_note("a note")

    @api_boundary
    def fails() -> None:
        raise made from KeyError("cause")

    with pytest.raises(OwnError) as caught:
        fails()
    assert caught.value is made and made.args == ("why", 3) and made.__notes__ == ["a note"]
    assert isinstance(made.__cause__, KeyError)
    assert fails.__name__ == "fails"


def test_tools_hide_the_function_that_filters() -> None:
    with pytest.raises(ValueError) as caught:
        L.LSTM(3)(X)
    hidden = caught.value.__traceback__
    while hidden is not None and hidden.tb_next is not None:
        hidden = hidden.tb_next
    assert hidden is not None and hidden.tb_frame.f_locals["__tracebackhide__"] is True


def test_methods_that_filter_pickle_with_their_object() -> None:
    assert pickle.loads(pickle.dumps(L.Dense(3))) == L.Dense(3)
