"""StringLookup and IntegerLookup: ids, vocabularies, vectors, files, errors; Keras's rules."""

import itertools
import pickle
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from jkeras.layers import IntegerLookup, StringLookup, TextVectorization

WORDS = ["a", "c", "d", "d", "z"]


def test_ids_as_keras_documents_them() -> None:
    data = [["a", "c", "d"], ["d", "z", "b"]]
    vocabulary = ["a", "b", "c", "d"]
    assert StringLookup(vocabulary=vocabulary)(data).tolist() == [[1, 3, 4], [4, 0, 2]]
    two = StringLookup(vocabulary=vocabulary, num_oov_indices=2)
    assert two([["a", "c", "d"], ["m", "z", "b"]]).tolist() == [[2, 4, 5], [0, 1, 3]]
    masked = StringLookup(vocabulary=vocabulary, mask_token="")
    assert masked([["a", "", "z"]]).tolist() == [[2, 0, 1]]
    numbers = IntegerLookup(vocabulary=[12, 36, 1138, 42], num_oov_indices=2)
    assert numbers([[12, 1138, 42], [37, 1000, 36]]).tolist() == [[2, 4, 5], [1, 0, 3]]


def test_unknown_numbers_by_hash_as_keras_tests_them() -> None:
    layer = IntegerLookup(vocabulary=[10, 20, 30], num_oov_indices=4, oov_method="farmhash")
    assert layer([100, 200, 300, 400]).tolist() == [3, 1, 3, 1]
    salted = layer.replace(salt=(137, 42))
    assert salted([100, 300, 700, 1100]).tolist() != layer([100, 300, 700, 1100]).tolist()


def test_adapt_counts_and_breaks_ties_from_the_end_of_the_alphabet() -> None:
    data = ["b", "a", "c", "c", "é", "é", "~", "[UNK]", ""]
    layer = StringLookup(mask_token="").adapt(data)
    assert layer.get_vocabulary() == ["", "[UNK]", "é", "c", "~", "b", "a"]
    assert layer.get_vocabulary(include_special_tokens=False) == ["é", "c", "~", "b", "a"]
    assert layer.vocabulary_size() == 7
    assert StringLookup(max_tokens=3).adapt(data).get_vocabulary() == ["[UNK]", "é", "c"]
    numbers = IntegerLookup().adapt([[3, 10], [2, 2]])
    assert numbers.get_vocabulary() == [-1, 2, 10, 3]


def as_batches() -> Any:
    yield ["a", "b"]
    yield (np.array(["b", "c"]), np.zeros(2))


@pytest.mark.parametrize(
    "make_fn",
    [
        lambda: ["a", "b", "b", "c"],
        lambda: [["a"], ["b"], ["b"], ["c"]],
        lambda: np.array([b"a", b"b", b"b", b"c"]),
        lambda: np.array(["a", "b", "b", "c"], object),
        lambda: pd.Series(["a", "b", "b", "c"]),
        lambda: pd.DataFrame({"x": ["a", "b", "b", "c"]}),
        as_batches,
    ],
    ids=["list", "rows", "bytes", "objects", "series", "table", "batches"],
)
def test_adapt_and_call_take(make_fn: Any) -> None:
    layer = StringLookup().adapt(make_fn())
    assert layer.get_vocabulary() == ["[UNK]", "b", "c", "a"]
    if make_fn is not as_batches:
        assert layer(make_fn()).ravel().tolist() == [3, 1, 1, 2]


def test_steps_end_what_has_no_end() -> None:
    layer = StringLookup().adapt(itertools.repeat(["a", "b", "b"]), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]


VECTORS = {
    "one_hot": [
        [0, 1, 0, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1],
        [1, 0, 0, 0, 0],
    ],
    "multi_hot": [1, 1, 0, 1, 1],
    "count": [1, 1, 0, 1, 2],
    "tf_idf": [0.5, 0.25, 0, 0.6, 0.8],
}


@pytest.mark.parametrize("mode", VECTORS)
def test_vectors(mode: str) -> None:
    weights = {"idf_weights": [0.25, 0.75, 0.6, 0.4]} if mode == "tf_idf" else {}
    layer = StringLookup(vocabulary=["a", "b", "c", "d"], output_mode=mode, **weights)
    np.testing.assert_allclose(layer([WORDS])[0], VECTORS[mode], rtol=1e-6)
    np.testing.assert_allclose(layer(WORDS), VECTORS[mode], rtol=1e-6)
    wide = layer.replace(max_tokens=7, pad_to_max_tokens=True)
    assert wide([WORDS]).shape[-1] == 7
    masked = StringLookup(vocabulary=["a"], mask_token="d", output_mode="count")
    assert masked([WORDS]).tolist() == [[2, 1]]


def test_weights_of_documents() -> None:
    layer = StringLookup(output_mode="tf_idf").adapt([["a", "b"], ["a", "a"], ["c", "a"]])
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    tokens = np.log(1 + 3 / (1 + np.array([3, 1, 1])))
    expected = [tokens.mean(), *tokens]
    np.testing.assert_allclose(
        layer([["a", "b", "c", "?"]])[0], np.take(expected, [0, 1, 2, 3]), 1e-6
    )


def test_inverse_lookups() -> None:
    layer = StringLookup(vocabulary=["a", "b", "c", "d"], invert=True)
    assert layer([[1, 3, 4], [4, 0, 99]]).tolist() == [["a", "c", "d"], ["d", "[UNK]", "[UNK]"]]
    numbers = IntegerLookup(vocabulary=[12, 36, 42], invert=True)
    assert numbers([[1, 3, 0]]).tolist() == [[12, 42, -1]]


def test_programs_look_numbers_up_as_the_host_does() -> None:
    data = np.array([[5, -7, 0], [900, 6, 5]])
    for options in ({}, {"num_oov_indices": 3}, {"mask_token": 0}, {"num_oov_indices": 0}):
        known = [900, 5, -7, 6] + ([] if "mask_token" in options else [0])
        for mode in ("int", "count"):
            layer = IntegerLookup(
                vocabulary=known[: None if options else 4], output_mode=mode, **options
            )
            traced = jax.jit(lambda x, layer=layer: layer.apply({}, {}, x)[0])(jnp.asarray(data))
            np.testing.assert_array_equal(traced, layer(data))
    beyond = IntegerLookup(vocabulary=[2**40])
    assert beyond.apply({}, {}, jnp.array([[5]]))[0].tolist() == [[0]]


def test_vocabularies_of_files(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("one\ntwo\nthree\n")
    layer = StringLookup(vocabulary=str(file))
    assert layer.get_vocabulary() == ["[UNK]", "one", "two", "three"]
    assert layer.get_config()["vocabulary"] is None
    layer.save_assets(tmp_path)
    again = StringLookup()
    again.load_assets(tmp_path)
    assert again.get_vocabulary() == layer.get_vocabulary()
    (tmp_path / "numbers.txt").write_text("12\n36")
    assert IntegerLookup(vocabulary=tmp_path / "numbers.txt")([36]).tolist() == [2]


def test_configurations_and_copies() -> None:
    given = StringLookup(vocabulary=["a", "b"], salt=3, num_oov_indices=2)
    assert StringLookup.from_config(given.get_config()) == given
    found = StringLookup().adapt(["x", "y"])
    config = found.get_config()
    assert (config["vocabulary"], config["vocabulary_size"]) == (None, 3)
    assert StringLookup.from_config(config).vocabulary_size() == 3
    assert pickle.loads(pickle.dumps(found)).get_vocabulary() == found.get_vocabulary()
    named = found.renamed("city")
    assert named == found.renamed("city") and named.get_vocabulary() == found.get_vocabulary()
    assert found != StringLookup().adapt(["x"])


WRONG = [
    (lambda: StringLookup(max_tokens=1), "expected an integer above 1, got 1"),
    (lambda: StringLookup(pad_to_max_tokens=True), "`max_tokens` with pad_to_max_tokens=True"),
    (lambda: StringLookup(invert=True, output_mode="count"), "output_mode='int' with invert=True"),
    (lambda: StringLookup(num_oov_indices=-1), "expected an integer of at least 0"),
    (lambda: StringLookup(sparse=True), "expected False, got True"),
    (lambda: StringLookup(vocabulary=["a", "a"]), "got repeated ones: 'a'"),
    (lambda: StringLookup(vocabulary=["a", "", "b"], mask_token=""), "reserved mask token ''"),
    (lambda: StringLookup(vocabulary=[]), "expected at least one token"),
    (
        lambda: StringLookup(vocabulary=["a", "b"], max_tokens=3, num_oov_indices=2),
        "at most max_tokens=3",
    ),
    (
        lambda: StringLookup(vocabulary="nowhere.txt"),
        "expected the path of a file, got 'nowhere.txt'",
    ),
    (lambda: StringLookup(vocabulary=["a"], output_mode="tf_idf"), "`idf_weights` beside"),
    (lambda: StringLookup(idf_weights=[1.0]), "no `idf_weights` unless output_mode='tf_idf'"),
    (lambda: StringLookup(vocabulary=["a"]).adapt(["b"]), "static vocabulary"),
    (lambda: StringLookup(vocabulary=["a"])([1, 2]), "expected strings, got 1 at index 0"),
    (lambda: StringLookup(vocabulary=["a"])(["a", None]), "expected strings, got None at index 1"),
    (lambda: StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), "others: 'b'"),
    (lambda: StringLookup(max_tokens=2, num_oov_indices=2), "expected more than 2, the number of"),
    (lambda: StringLookup(vocabulary=["[UNK]"]), "expected at least one token, got special ones"),
    (lambda: StringLookup().adapt(["[UNK]"]), "at least one token, got special ones alone: '[UNK]"),
    (lambda: StringLookup.from_config({"vocabulary": "/etc/hosts"}), "may not name"),
    (lambda: IntegerLookup(vocabulary_dtype="int32"), "got 'int32'"),
    (lambda: IntegerLookup(salt=3), "oov_method='farmhash' with `salt`"),
    (lambda: IntegerLookup(vocabulary=["a"]), "expected integers"),
    (lambda: IntegerLookup(vocabulary=[1])([1.5]), "expected integers"),
    (lambda: IntegerLookup(vocabulary=[1], num_oov_indices=0)([2]), "others: 2"),
]


@pytest.mark.parametrize("make_fn, words", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(make_fn: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make_fn()
    assert words in str(caught.value)


NONE_YET = "expected a vocabulary, and it has none yet. Find one: layer.adapt(x_train); or pass"


@pytest.mark.parametrize("kind", [StringLookup, IntegerLookup, TextVectorization])
@pytest.mark.parametrize("mode", ["int", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize("pads", [False, True])
def test_a_layer_without_a_vocabulary_gives_no_ids(kind: Any, mode: str, pads: bool) -> None:
    layer = kind(output_mode=mode, max_tokens=5, pad_to_max_tokens=pads)
    data = [[1], [2]] if kind is IntegerLookup else [["a"], ["b"]]
    with pytest.raises(ValueError) as caught:
        layer(data)
    assert str(caught.value) == f"{kind.__name__}: {NONE_YET} `vocabulary`."
    layer.adapt(data)
    assert layer(data).shape[0] == 2


@pytest.mark.parametrize("kind", [StringLookup, IntegerLookup])
def test_an_inverse_lookup_without_a_vocabulary_gives_no_tokens(kind: Any) -> None:
    with pytest.raises(ValueError, match="expected a vocabulary, and it has none yet"):
        kind(invert=True)([[1]])


@pytest.mark.parametrize("kind", [StringLookup, IntegerLookup, TextVectorization])
@pytest.mark.parametrize(
    "make_fn",
    [list, tuple, lambda: np.array([]), lambda: np.zeros((0, 1), str), lambda: iter([])],
    ids=["list", "tuple", "array", "strings", "iterator"],
)
def test_adapt_needs_a_token(kind: Any, make_fn: Any) -> None:
    layer = kind().adapt([1, 2] if kind is IntegerLookup else ["a", "b"])
    before = layer.get_vocabulary()
    with pytest.raises(ValueError) as caught:
        layer.adapt(make_fn())
    who = f"{kind.__name__}: adapt"
    assert str(caught.value) == f"{who}: `data`: expected at least one token, got none."
    assert layer.get_vocabulary() == before
