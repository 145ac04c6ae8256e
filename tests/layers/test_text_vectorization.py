"""TextVectorization: standardization, words, n-grams, lengths and vectors, by Keras's rules."""

import pickle
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from jkeras.layers import TextVectorization
from jkeras.utils import register_keras_serializable

TEXTS = ["foo bar", "bar baz", "baz bada boom"]


def test_the_example_of_keras() -> None:
    layer = TextVectorization(max_tokens=5000, output_sequence_length=4).adapt(TEXTS)
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    assert layer([["foo qux bar"], ["qux baz"]]).tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    given = TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    assert given.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    assert given(["Fire, and WIND!", ""]).tolist() == [[5, 4, 3], [0, 0, 0]]


def words(text: str, **options: Any) -> list[str]:
    """What a layer makes of a text."""
    layer = TextVectorization(**options)
    layer.update_state([text])
    counts = layer._counts.tokens
    return sorted(counts.elements())


@pytest.mark.parametrize(
    "options, text, expected",
    [
        ({}, "It's GOOD!\tGood.", ["good", "good", "its"]),
        ({}, "ÄRGER Ünd", ["Ünd", "Ärger"]),  # the letters A to Z alone, as in Keras
        ({}, "a\xa0b\u2003c\x1fd e\x0bf", ["a\xa0b\u2003c\x1fd", "e", "f"]),
        ({"standardize": "lower"}, "It's GOOD!", ["good!", "it's"]),
        ({"standardize": "strip_punctuation"}, "It's [GOOD]!", ["GOOD", "Its"]),
        ({"standardize": None}, "It's GOOD!", ["GOOD!", "It's"]),
        ({"split": "character", "standardize": None}, "a bé", [" ", "a", "b", "é"]),
        ({"split": None, "standardize": "lower"}, "Two Words", ["two words"]),
        ({"ngrams": 2}, "a b c", ["a", "a b", "b", "b c", "c"]),
        ({"ngrams": (2, 3)}, "a b c", ["a b", "a b c", "b c"]),
        ({"ngrams": (3,)}, "a b", []),
        ({"standardize": np.char.upper}, "a b", ["A", "B"]),
        (
            {"standardize": "lower", "split": lambda texts: [text.split(";") for text in texts]},
            "A b;c",
            ["a b", "c"],
        ),
    ],
)
def test_words(options: dict[str, Any], text: str, expected: list[str]) -> None:
    assert words(text, **options) == sorted(expected)


def test_texts_with_the_separator_are_standardized_one_by_one() -> None:
    layer = TextVectorization(vocabulary=["a\0b", "c"])
    assert layer(["A\0B!", "c"]).tolist() == [[2], [3]]


@hypothesis.given(
    st.lists(st.text("abAB'. \t\0\x1c\xa0é\u2003\ud800", max_size=12), max_size=6),
    st.sampled_from(["lower_and_strip_punctuation", "lower", "strip_punctuation", None]),
    st.sampled_from([None, 3]),
)
def test_all_texts_at_once_have_the_words_of_each(
    texts: list[str], standardize: str | None, length: int | None
) -> None:
    options = {"standardize": standardize, "output_sequence_length": length}
    layer, by_rows = TextVectorization(**options), TextVectorization(ngrams=(1,), **options)
    for each in (layer, by_rows):
        each.adapt([*texts, "a b"])
    assert layer.get_vocabulary() == by_rows.get_vocabulary()
    np.testing.assert_array_equal(layer(np.array(texts, object)), by_rows(np.array(texts, object)))
    layer.set_vocabulary(["b"])  # what was kept for the vocabulary before is not used
    by_rows.set_vocabulary(["b"])
    np.testing.assert_array_equal(layer(["b a", "b"]), by_rows(["b a", "b"]))


def test_lengths_and_shapes() -> None:
    layer = TextVectorization(vocabulary=["a", "b"])
    assert layer(["a", "a b a"]).tolist() == [[2, 0, 0], [2, 3, 2]]
    assert layer([["a"], ["a b a"]]).shape == (2, 3)
    assert layer("a b").tolist() == [2, 3]
    short = TextVectorization(vocabulary=["a", "b"], output_sequence_length=2)
    assert short(["a b a", "b"]).tolist() == [[2, 3], [3, 0]]
    whole = TextVectorization(vocabulary=["a b"], split=None, output_sequence_length=2)
    assert whole([["a b"], ["c"]]).tolist() == [[2, 0], [1, 0]]


@pytest.mark.parametrize(
    "mode, expected",
    [("multi_hot", [1, 1, 0]), ("count", [1, 2, 0]), ("tf_idf", [0.3, 1.0, 0])],
)
def test_vectors(mode: str, expected: list[float]) -> None:
    weights = {"idf_weights": [0.5, 0.1]} if mode == "tf_idf" else {}
    layer = TextVectorization(vocabulary=["a", "b"], output_mode=mode, **weights)
    np.testing.assert_allclose(layer(["a zz A"])[0], expected, rtol=1e-6)
    assert layer(["a", ""]).tolist()[1] == [0, 0, 0]


def test_weights_of_documents() -> None:
    layer = TextVectorization(output_mode="tf_idf", max_tokens=6, pad_to_max_tokens=True)
    layer.adapt(["a b", "a a", "c a"])
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    tokens = np.log(1 + 3 / (1 + np.array([3, 1, 1])))
    expected = [tokens.mean(), *tokens, 0, 0]
    np.testing.assert_allclose(layer(["a b c zz"])[0], expected, rtol=1e-6)


def test_adapt_takes_what_a_data_set_gives() -> None:
    batches = [(np.array(["b a", "b"]), np.zeros(2)), (np.array([["a b"]]), np.zeros(1))]
    assert TextVectorization().adapt(batches.__iter__()).get_vocabulary()[2:] == ["b", "a"]


@register_keras_serializable("tests")
def shout(texts: np.ndarray) -> np.ndarray:
    """A standardization of a user's."""
    return np.char.upper(texts)


def test_configurations_and_copies(tmp_path: Path) -> None:
    layer = TextVectorization(vocabulary=["A"], ngrams=(1, 2), standardize=shout)
    again = TextVectorization.from_config(layer.get_config())
    assert again == layer and again(["a b"]).tolist() == [[2, 1, 1]]
    found = TextVectorization().adapt(TEXTS)
    found.save_assets(tmp_path)
    other = TextVectorization.from_config(found.get_config())
    other.load_assets(tmp_path)
    assert other.get_vocabulary() == found.get_vocabulary()
    assert pickle.loads(pickle.dumps(found))(TEXTS).tolist() == found(TEXTS).tolist()


WRONG = [
    (lambda: TextVectorization(standardize="upper"), "'strip_punctuation', got 'upper'"),
    (lambda: TextVectorization(split="comma"), "expected one of 'whitespace', 'character'"),
    (lambda: TextVectorization(ngrams="2"), "expected an integer or a tuple"),
    (lambda: TextVectorization(ragged=True), "expected False, got True"),
    (
        lambda: TextVectorization(output_mode="count", output_sequence_length=3),
        "no `output_sequence_length` unless output_mode='int'",
    ),
    (lambda: TextVectorization(vocabulary=["a"]).adapt(["b"]), "static vocabulary"),
    (lambda: TextVectorization(vocabulary=["a"])([["a", "b"]]), "texts [batch] or [batch, 1]"),
    (lambda: TextVectorization(vocabulary=["a"])([1.5]), "expected strings, got 1.5 at index 0"),
    (
        lambda: TextVectorization(split=lambda texts: "abc").adapt(["a", "b"]),
        "`split`: expected a function that gives a list of words for each of 2 texts, got one",
    ),
    (
        lambda: TextVectorization(split=lambda texts: [["a"]]).adapt(["a", "b"]),
        "a list of words for each of 2 texts, got one that gives",
    ),
    (
        lambda: TextVectorization(standardize=lambda texts: texts[:1]).adapt(["a", "b"]),
        "`standardize`: expected a function that gives a text for each of 2, got one that gives",
    ),
    (lambda: TextVectorization().adapt(3), "expected a list, an array or an iterable"),
]


@pytest.mark.parametrize("make_fn, words", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(make_fn: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make_fn()
    assert words in str(caught.value)
