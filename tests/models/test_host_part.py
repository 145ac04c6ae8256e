"""Models that take strings: the host part runs by itself in every method, and is kept in files."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers
from jkeras.saving import load_model
from jkeras.utils import text_dataset_from_directory

TEXTS = ["a good film", "a bad film", "good good end", "bad end", "not bad", "not good"]
LABELS = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])


def vectorizer(**options: Any) -> Any:
    """A layer that knows the words of `TEXTS`."""
    return layers.TextVectorization(**options or {"output_sequence_length": 4}).adapt(TEXTS)


def text_model(**options: Any) -> Any:
    """A compiled model of texts."""
    model = Sequential(
        [
            Input((1,), dtype="string"),
            vectorizer(),
            layers.Embedding(12, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ],
        seed=0,
        **options,
    )
    model.compile("adam", "binary_crossentropy")
    return model


def of_ids() -> Any:
    """The same model of ids."""
    model = Sequential(
        [layers.Embedding(12, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")],
        seed=0,
    )
    model.compile("adam", "binary_crossentropy")
    return model


def batches() -> Iterator[Any]:
    for start in (0, 3):
        yield np.array(TEXTS[start : start + 3]), LABELS[start : start + 3]


def test_every_method_takes_strings_and_computes_what_it_computes_of_ids() -> None:
    model, plain, ids = text_model(), of_ids(), vectorizer()(TEXTS)
    plain.build((None, 4))
    plain.set_weights(model.get_weights())
    expected = plain.predict(ids, verbose=0)
    forms = [TEXTS, np.array(TEXTS), np.array(TEXTS)[:, None], pd.Series(TEXTS)]
    for form in forms:
        np.testing.assert_array_equal(model.predict(form, verbose=0), expected)
    np.testing.assert_allclose(model(np.array(TEXTS)), expected, rtol=1e-6)
    np.testing.assert_array_equal(model.predict_on_batch(TEXTS), expected)
    for one in (model, plain):
        x = TEXTS if one is model else ids
        one.fit(x, LABELS, epochs=2, batch_size=3, verbose=0, validation_split=0.34, shuffle=False)
        one.train_on_batch(x, LABELS)
    for mine, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    loss = plain.evaluate(ids, LABELS, verbose=0)
    assert model.evaluate(TEXTS, LABELS, verbose=0) == loss
    assert model.test_on_batch(TEXTS, LABELS) == pytest.approx(loss, rel=1e-6)
    assert model.evaluate(batches(), verbose=0) == pytest.approx(loss, rel=1e-6)
    model.fit(batches(), verbose=0, validation_data=(TEXTS, LABELS))


def test_a_summary_says_what_runs_on_the_host(capsys: pytest.CaptureFixture[str]) -> None:
    text_model().summary()
    shown = capsys.readouterr().out
    assert "text_vectorization" in shown and "(None, 4)" in shown
    assert shown.endswith(" On the host, before the program: text_vectorization\n")
    assert "On the host" in text_model()._repr_html_()


def graph_model() -> Any:
    """A model of a title, a city and a number."""
    title = Input((1,), dtype="string", name="title")
    city = Input((1,), dtype="string", name="city")
    size = Input((2,), name="size")
    cities = layers.StringLookup(vocabulary=["rome", "oslo"], output_mode="one_hot")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(12, 4)(vectorizer()(title)))
    hashed = layers.Hashing(5, output_mode="one_hot")(city)
    joined = layers.Concatenate()([size, words, cities(city), hashed])
    return Model({"title": title, "city": city, "size": size}, layers.Dense(1)(joined), seed=0)


def test_a_graph_takes_words_and_numbers_by_name_and_in_order() -> None:
    model = graph_model()
    model.compile("sgd", "mse")
    assert model.input_names == ["city", "size", "title"]
    rows: dict[str, Any] = {
        "title": ["a good film", "bad"],
        "city": ["oslo", "?"],
        "size": [[1.0, 2.0], [3.0, 4.0]],
    }
    outputs = model.predict(rows, verbose=0)
    assert outputs.shape == (2, 1)
    np.testing.assert_allclose(model(rows), outputs, rtol=1e-6)
    arrays = {name: np.array(value) for name, value in rows.items()}
    np.testing.assert_array_equal(model.predict(arrays, verbose=0), outputs)
    model.fit(rows, np.zeros(2), verbose=0)
    model.fit(iter([(rows, np.zeros(2))]), verbose=0)
    with pytest.raises(ValueError, match="'size' is missing"):
        model.predict({"title": ["a"], "city": ["b"]}, verbose=0)
    with pytest.raises(TypeError, match="`city`: expected strings, got"):
        model.predict({**arrays, "city": np.ones((2, 1))}, verbose=0)


def test_a_frame_gives_each_input_its_column() -> None:
    city, rooms = (Input((1,), dtype=kind, name=name) for kind, name in KINDS.items())
    crossed = layers.HashedCrossing(3, output_mode="one_hot")([city, rooms])
    known = layers.IntegerLookup(vocabulary=[1, 2], output_mode="one_hot")(rooms)
    model = Model({"city": city, "rooms": rooms}, layers.Concatenate()([crossed, known]))
    frame = pd.DataFrame({"city": ["oslo", "rome"], "rooms": [1, 9]})
    expected = model.predict({name: frame[name].to_numpy() for name in frame}, verbose=0)
    np.testing.assert_array_equal(model.predict(frame, verbose=0), expected)
    np.testing.assert_array_equal(model(frame), expected)


KINDS = {"string": "city", "int32": "rooms"}


def test_a_model_that_prepares_stands_in_another() -> None:
    text = Input((1,), dtype="string")
    prepare = Model(text, layers.CategoryEncoding(12, "multi_hot")(vectorizer()(text)))
    inner = Sequential([Input((1,), dtype="string"), vectorizer(output_mode="multi_hot")])
    for part in (prepare, inner):
        again = Input((1,), dtype="string")
        model = Model(again, layers.Dense(1)(part(again)), seed=0)
        row = Sequential([part, layers.Dense(1)], seed=0)
        assert (
            model.predict(TEXTS, verbose=0).shape == row.predict(TEXTS, verbose=0).shape == (6, 1)
        )


def test_a_sequential_without_an_input_meets_strings() -> None:
    model = Sequential([vectorizer(output_mode="count"), layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(TEXTS, LABELS, verbose=0)
    hashed = Sequential([layers.Hashing(3, output_mode="count")])
    expected = layers.Hashing(3, output_mode="count")
    for x in ([["a", "b"]], np.array([[1, 2]])):
        np.testing.assert_array_equal(hashed(x), expected(x))


def test_a_model_adapted_later_uses_the_new_words() -> None:
    layer = layers.TextVectorization(output_sequence_length=1)
    model = Sequential([Input((), dtype="string"), layer, layers.Embedding(5, 1)], seed=0)
    with pytest.raises(ValueError, match="expected a vocabulary, and it has none yet"):
        model.predict(["a"], verbose=0)
    layer.adapt(["a"])
    first = model.predict(["a", "b"], verbose=0).ravel()
    layer.adapt(["b"])
    np.testing.assert_array_equal(model.predict(["b", "a"], verbose=0).ravel(), first)


@pytest.mark.parametrize("make_fn", [text_model, graph_model])
def test_one_file_takes_strings_again(make_fn: Any, tmp_path: Path) -> None:
    model = make_fn()
    x: Any = TEXTS[:2]
    if make_fn is graph_model:
        x = {"title": TEXTS[:2], "city": ["rome", "x"], "size": [[1.0, 2.0]] * 2}
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    model.save(tmp_path / "folder", zipped=False)
    np.testing.assert_array_equal(load_model(tmp_path / "folder").predict(x, verbose=0), expected)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        names = archive.namelist()
        config = json.loads(archive.read("config.json"))
    place = "assets/layers/text_vectorization"
    assert {f"{place}/vocabulary.txt", f"{place}/_lookup_layer/vocabulary.txt"} <= set(names)
    first = next(c for c in config["config"]["layers"] if c["class_name"] == "InputLayer")
    assert first["config"]["dtype"] == "string"


def test_a_checkpoint_and_an_older_file_hold_the_words(tmp_path: Path) -> None:
    model = text_model()
    expected = model.predict(TEXTS, verbose=0)
    config = json.loads(model.snapshot(with_model=True)["model"])
    again = jkeras.saving.deserialize_keras_object(config)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), expected)
    with pytest.warns(UserWarning, match="older form"):
        model.save(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5", safe_mode=False)
    np.testing.assert_array_equal(loaded.predict(TEXTS, verbose=0), expected)


def test_a_configuration_of_keras_is_read() -> None:
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
    common = {"trainable": True, "dtype": {**policy, "registered_name": None}}
    words = {
        "max_tokens": None,
        "standardize": "lower_and_strip_punctuation",
        "split": "whitespace",
    }
    words |= {"ngrams": [1, 2], "output_mode": "int", "output_sequence_length": 3}
    words |= {"pad_to_max_tokens": False, "sparse": False, "ragged": False, "vocabulary": ["a"]}
    words |= {"idf_weights": None, "encoding": "utf-8", "vocabulary_size": 3}
    first = {"batch_shape": [None, 1], "dtype": "string", "sparse": False, "ragged": False}
    configs = [("InputLayer", first), ("TextVectorization", {**common, **words})]
    listed = [
        {"module": "keras.layers", "class_name": kind, "config": {**own, "name": kind.lower()}}
        for kind, own in configs
    ]
    model = Sequential.from_config({"name": "words", **common, "layers": listed})
    assert model.predict([["a a"]], verbose=0).tolist() == [[2, 2, 1]]


def test_weights_of_documents_are_in_the_file() -> None:
    layer = layers.TextVectorization(output_mode="tf_idf", max_tokens=20, pad_to_max_tokens=True)
    model = Sequential([Input((), dtype="string"), layer.adapt(TEXTS), layers.Dense(1)], seed=0)
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(load_model(file).predict(TEXTS, verbose=0), expected)


def test_folders_of_texts_train_a_model(tmp_path: Path) -> None:
    for number, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True)):
        folder = tmp_path / ("good" if label else "bad")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_text(text)
    data = text_dataset_from_directory(tmp_path, batch_size=2, seed=0, verbose=False)
    model = text_model()
    layer = layers.TextVectorization().adapt(data.map(lambda texts, labels: texts))
    assert sorted(layer.get_vocabulary()) == sorted(vectorizer().get_vocabulary())
    model.fit(data, verbose=0)
    assert model.predict(data.map(lambda texts, labels: texts), verbose=0).shape == (6, 1)


def strings(shape: Any = (1,)) -> Any:
    return Input(shape, dtype="string")


WRONG = [
    (lambda: layers.Dense(1)(strings()), "expected numbers, got strings, which no program"),
    (
        lambda: Sequential([strings(), layers.Dense(1)]),
        "expected numbers, got strings, of the Input",
    ),
    (lambda: layers.StringLookup()(Input((1,))), "expected words, got numbers"),
    (
        lambda: Sequential([Input((2,)), layers.Dense(2), vectorizer()]),
        "expected words, got numbers",
    ),
    (lambda: (lambda x: Model(x, x))(strings()), "expected numbers as outputs, got strings"),
    (
        lambda: (lambda a, b: Model([a, b], layers.HashedCrossing(3)([a, b + 1])))(
            strings(), Input((1,), dtype="int32")
        ),
        "expected inputs of the model beside strings",
    ),
    (lambda: layers.StringLookup(invert=True)(Input((1,), dtype="int32")), "tokens cannot leave"),
    (lambda: text_model().predict([1.5], verbose=0), "expected strings, got 1.5 at index 0"),
    (lambda: text_model().predict("a film", verbose=0), "For a single example put it in a list"),
    (lambda: text_model().export("x.onnx"), "expected a model of numbers, got one of strings"),
]


@pytest.mark.parametrize("make_fn, words", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(make_fn: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make_fn()
    assert words in str(caught.value)


def test_the_rest_of_a_model_can_be_exported(tmp_path: Path) -> None:
    model = text_model()
    layer = model.layers[0]
    rest = Model(layer.output, model.output)
    ids = np.asarray(layer(TEXTS))
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(rest.predict(ids, verbose=0), expected, rtol=1e-6)
    rest.export(tmp_path / "rest.stablehlo", verbose=False)


def test_symbols_and_configurations_say_string() -> None:
    symbol = strings()
    assert repr(symbol) == "<KerasTensor shape=(None, 1), dtype=string, name=None>"
    layer = layers.InputLayer((1,), dtype="string")
    assert layers.InputLayer.from_config(layer.get_config()) == layer
    assert vectorizer()(symbol).shape == (None, 4)
    assert jax.tree.leaves(graph_model().get_config())
    assert jkeras.Model.from_config(graph_model().get_config()).input_names == [
        "city",
        "size",
        "title",
    ]
