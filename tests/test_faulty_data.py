"""Data that go wrong while they are used, each with the whole message that it gets.

The first two batches of an iterable are right, the third is not: the error names it and the method,
the steps before it stay, and the model goes on to be usable.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.data.mapped_files import ShrunkenFile
from tests.kinds import kind_raised

X = np.linspace(-1, 1, 16, dtype="float32").reshape(4, 4)
Y = np.arange(4) % 3
SPARSE = "sparse_categorical_crossentropy"


class Late(NamedTuple):
    """A third batch, and the error it gets behind `fit: batch 2 of the data: `."""

    name: str
    batch: Any
    kind: type[Exception]
    message: str


LATE = [
    Late(
        "label_too_large",
        (X, Y + 1),
        ValueError,
        f"{SPARSE}: expected class indices from 0 to 2 in `y_true` (the outputs have 3 classes), "
        "got values from 1 to 3, first 3 at row 2. These labels start at 1: pass y - 1.",
    ),
    Late(
        "label_negative",
        (X, Y - 1),
        ValueError,
        f"{SPARSE}: expected class indices from 0 to 2 in `y_true` (the outputs have 3 classes), "
        "got values from -1 to 1, first -1 at row 0. Number the classes from 0, or leave one label "
        "out: SparseCategoricalCrossentropy(ignore_class=…).",
    ),
    Late(
        "label_half",
        (X, Y + 0.5),
        ValueError,
        f"{SPARSE}: expected whole numbers as class indices in `y_true`, got 0.5 at row 0. For "
        'probabilities of classes use loss="categorical_crossentropy", for measurements '
        'loss="mse".',
    ),
    Late(
        "targets_one_hot",
        (X, np.eye(3, dtype="float32")[Y]),
        ValueError,
        f"{SPARSE}: expected `y_true` class indices of shape (4,) or (4, 1), got shape (4, 3). For "
        'one-hot targets use loss="categorical_crossentropy", or pass y.argmax(-1).',
    ),
    Late(
        "inputs_too_narrow",
        (X[:, :3], Y),
        ValueError,
        "InputLayer 'input_layer': expected `inputs` of shape (None, 4), got (None, 3). None is an "
        "axis of any size; the first axis counts the examples.",
    ),
    Late(
        "inputs_without_a_batch_axis",
        (X[:, 0], Y),
        ValueError,
        "expected `x` of shape (None, 4), got (4,). For a single example add the batch axis: "
        "x[None].",
    ),
    Late("nothing", None, TypeError, "`x`: expected an array, got None (NoneType)."),
    Late("empty", (X[:0], Y[:0]), ValueError, "expected at least one example, got none in x, y."),
    Late("no_targets", X, ValueError, "expected (x, y) as in the first batch, got x."),
    Late(
        "weights_all_at_once",
        (X, Y, np.ones(4)),
        ValueError,
        "expected (x, y) as in the first batch, got (x, y, sample_weight).",
    ),
    Late(
        "two_inputs",
        ((X, X), Y),
        ValueError,
        "expected (x, y) as in the first batch, got (x of 2 arrays, y).",
    ),
    Late(
        "a_dict",
        ({"pixels": X}, Y),
        ValueError,
        "expected (x, y) as in the first batch, got (x with pixels, y).",
    ),
    Late(
        "four_parts",
        (X, Y, Y, Y),
        ValueError,
        "expected x, (x,), (x, y) or (x, y, sample_weight), got a tuple of 4. Several inputs go "
        "inside x: ((a, b), y).",
    ),
    Late(
        "nan",
        (np.where(X > 0.9, np.float32(np.nan), X), Y),
        ValueError,
        "`x`: expected finite numbers, got NaN in 1 of 4 examples, the first at index 3. Drop or "
        "fill them: np.nan_to_num(x).",
    ),
    Late(
        "words",
        (X.astype(str), Y),
        TypeError,
        "`x`: expected numbers, got an array of shape (4, 4) and dtype <U32. Encode or convert "
        "them first: x.astype('float32').",
    ),
]


@pytest.fixture(scope="module")
def model() -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.Input((4,)), L.Dense(3, activation="softmax")], seed=0)
    made.compile("sgd", SPARSE)
    return made


def batches(*last: Any) -> Iterator[Any]:
    yield X, Y
    yield X, Y
    yield from last


def steps_of(model: jkeras.Sequential) -> int:
    return int(model.train_state.step) if model.built else 0


@pytest.mark.parametrize("late", LATE, ids=lambda late: late.name)
def test_a_faulty_batch_is_named_and_the_steps_before_it_stay(
    late: Late, model: jkeras.Sequential
) -> None:
    before = steps_of(model)
    with pytest.raises(late.kind) as caught:
        model.fit(batches(late.batch), verbose=0)
    assert type(caught.value) is kind_raised(late.kind)
    assert str(caught.value) == f"fit: batch 2 of the data: {late.message}"
    assert steps_of(model) == before + 2
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


USES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "evaluate": (lambda m: m.evaluate(batches((X, Y + 1)), verbose=0), "evaluate"),
    "validation": (
        lambda m: m.fit(X, Y, validation_data=batches((X, Y + 1)), verbose=0),
        "fit: `validation_data`",
    ),
    "predict": (lambda m: m.predict(iter([X, X, X[:, :2]]), verbose=0), "predict"),
}


@pytest.mark.parametrize("use", USES)
def test_every_method_names_the_batch(use: str, model: jkeras.Sequential) -> None:
    function, who = USES[use]
    with pytest.raises(ValueError) as caught:
        function(model)
    assert str(caught.value).startswith(f"{who}: batch 2 of the data: ")
    assert str(caught.value).count(who) == 1


def test_one_of_several_outputs_is_named() -> None:
    inputs = jkeras.Input((4,))
    outputs = {"a": L.Dense(1)(inputs), "b": L.Dense(3, activation="softmax")(inputs)}
    made = jkeras.Model(inputs, outputs)
    made.compile("sgd", {"a": "mse", "b": SPARSE})
    targets = [{"a": Y.astype("float32"), "b": labels} for labels in (Y, Y + 1)]
    with pytest.raises(ValueError) as caught:
        made.evaluate(iter([(X, targets[0]), (X, targets[1])]), verbose=0)
    assert str(caught.value) == (
        f"evaluate: batch 1 of the data: output 'b': {SPARSE}: expected class indices from 0 to 2 "
        "in `y_true` (the outputs have 3 classes), got values from 1 to 3, first 3 at row 2. These "
        "labels start at 1: pass y - 1."
    )


def test_another_dtype_that_the_model_takes_is_trained_on(model: jkeras.Sequential) -> None:
    before = steps_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(batches((X.astype("float64"), Y.astype("uint8"))), verbose=0)
    assert steps_of(model) == before + 3


# -- iterables that end, break or shrink


def test_data_that_end_early_are_told_of(model: jkeras.Sequential) -> None:
    with pytest.warns(UserWarning) as caught:
        history = model.fit(batches((X, Y)), steps_per_epoch=2, epochs=2, verbose=0)
    assert [str(w.message) for w in caught] == [
        "fit: the data ended after 1 of 2 batches. A generator is read once: pass an iterable that "
        "starts again, or ask for fewer steps."
    ]
    assert len(history.history["loss"]) == 2


def test_validation_data_that_are_used_up_are_told_of(model: jkeras.Sequential) -> None:
    with pytest.warns(UserWarning) as caught:
        model.fit(X, Y, epochs=3, validation_data=batches(), verbose=0)
    assert [str(w.message) for w in caught] == [
        "fit: `validation_data`: the data had no batch left. A generator is read once: pass an "
        "iterable that starts again, or ask for fewer steps."
    ]


class Numbered(jkeras.utils.PyDataset):
    """Batches by number, of which some may be taken away."""

    count = 4

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        if index >= self.count:
            raise IndexError(f"no batch {index}")
        return X, Y


def test_batches_that_are_taken_away_are_told_of(model: jkeras.Sequential) -> None:
    data = Numbered()
    shrink = jkeras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(data, "count", 3)
    )
    with pytest.warns(UserWarning) as caught:
        model.fit(data, epochs=3, verbose=0, callbacks=[shrink])
    assert [str(w.message) for w in caught] == [
        "fit: the data ended after 3 of 4 batches. It had 4 batches when it was passed, and has 3 "
        "now."
    ]


def test_an_error_of_the_data_goes_on_with_a_note(model: jkeras.Sequential) -> None:
    data = Numbered()
    shrink = jkeras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: setattr(data, "count", 2)
    )
    before = steps_of(model)
    with pytest.raises(IndexError) as caught:
        model.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=[shrink])
    assert str(caught.value) == "no batch 2"
    assert caught.value.__notes__ == [
        "fit: raised by the data where batch 2 was asked for. It had 4 batches when it was passed, "
        "and has 2 now."
    ]
    assert steps_of(model) == before + 2 and model.history.epoch == []
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


# -- files


@pytest.mark.parametrize("engine", ["streaming", "resident"])
def test_a_file_that_is_cut_short_is_named(engine: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((64, 64), "float32"))
    path = str(tmp_path / "x.npy")
    x = np.load(path, mmap_mode="r")
    made = jkeras.Sequential([jkeras.Input((64,)), L.Dense(1)], seed=0)
    made.compile("sgd", "mse", engine=engine)

    def cut(epoch: int, logs: Any) -> None:
        with open(path, "r+b") as file:
            file.truncate(5000)

    message = (
        f"its file {path!r} has shrunk: expected at least 16512 bytes, as when it was opened, got "
        "5000. Write data to a new file, and rename it when it is complete."
    )
    shrink = jkeras.callbacks.LambdaCallback(on_epoch_end=cut)
    fit: dict[str, Any] = {"batch_size": 16, "epochs": 3, "verbose": 0, "callbacks": [shrink]}
    if engine == "resident":  # it is in memory, whole
        assert made.fit(x, np.ones((64, 1), "float32"), **fit).epoch == [0, 1, 2]
    else:
        with pytest.raises(ShrunkenFile) as caught:
            made.fit(x, np.ones((64, 1), "float32"), **fit)
        assert str(caught.value) == f"`x`: {message}" and made.history.epoch == [0]
    with pytest.raises(ShrunkenFile) as caught:
        made.predict(x, verbose=0)
    assert str(caught.value) == f"`x`: {message}"


# -- what is typed wrong


@pytest.mark.parametrize(
    ("given", "kind", "got"),
    [
        ("stopp", ValueError, "'stopp'. Did you mean 'stop'?"),
        ("raise", ValueError, "'raise'."),
        (None, TypeError, "None (NoneType)."),
        (1, TypeError, "1 (int)."),
    ],
)
def test_a_policy_that_is_none(given: Any, kind: type[Exception], got: str) -> None:
    with pytest.raises(kind) as caught:
        jkeras.Sequential([L.Dense(1)]).compile("sgd", "mse", check_nans=given)
    assert str(caught.value) == (
        "compile: `check_nans`: expected False, True or one of ['stop', 'skip', 'ignore'], got "
        f"{got}"
    )
