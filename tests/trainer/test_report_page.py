"""The page of a run: whole HTML, readable alone, with what belongs to the kind of model."""

import base64
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, layers, losses

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
ROWS = 16
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 4)).astype("float32")
IMAGES = RNG.integers(0, 256, (ROWS, 8, 8), np.uint8)
IDS = np.arange(ROWS) % 3
TOKENS = RNG.integers(1, 9, (ROWS, 10))
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """A page that was read: its text, its tags, its pictures, its titles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.titles: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            v or "" for name, v in attrs if name in ("src", "href", "srcset", "data")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)
            if self.open[-1:] == ["h2"]:
                self.titles.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def pictures(self) -> list[str]:
        return [address for address in self.addresses if not address.startswith("#")]


def written(model: Any, folder: Path, *data: Any, **options: Any) -> Page:
    path = model.report(folder / "run.html", *data, **options)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert "script" not in page.tags and "link" not in page.tags
    assert not re.search(r"https?://|@import|url\(", text)
    for picture in page.pictures:
        kind, _, content = picture.partition(",")
        assert kind == "data:image/png;base64"
        assert base64.b64decode(content, validate=True).startswith(b"\x89PNG\r\n")
    return page


def made(net: list[Any], loss: Any, **options: Any) -> Sequential:
    model = Sequential(net, seed=0, name="net")
    model.compile("sgd", loss, **options)
    return model


@pytest.fixture(scope="module")
def image_classifier() -> Sequential:
    model = made(
        [layers.Flatten(), layers.Dense(3, activation="softmax")],
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(IMAGES / 255, IDS, epochs=2, validation_split=0.25, verbose=0)
    return model


def test_a_classifier_of_images(image_classifier: Sequential, tmp_path: Path) -> None:
    page = written(
        image_classifier, tmp_path, IMAGES / 255, IDS, labels=["<cat>", "dog & co", "fish"], n=3,
        notes="Made for <a test>.",
    )  # fmt: skip
    assert page.titles == [
        "Results", "Learning curves", "Classes", "Worst examples", "Architecture", "Training",
        "Machine and versions",
    ]  # fmt: skip
    assert len(page.pictures) == 3
    for words in ("<cat>", "fish: 4", "dog & co", "macro avg", "Most confused",
                  "Made for <a test>.", "jaxlib", "throughput", "examples 16",
                  "epochs 2 of 2 planned"):  # fmt: skip
        assert words in page.text, words
    loss = image_classifier.evaluate(IMAGES / 255, IDS, verbose=0, return_dict=True)["loss"]
    assert f"loss {loss:.4g}" in page.text
    assert "net: report" in page.text


def without_history(page: Page) -> Page:
    assert "No run of fit is known for this model." in page.text
    return page


def cases() -> Iterator[tuple[str, Callable[[], Any], tuple[Any, Any], list[str]]]:
    """A model's name, the model, its data, and words of the page."""
    flags = RNG.integers(0, 2, ROWS)
    yield (
        "binary_logits",
        lambda: made([layers.Dense(1)], losses.BinaryCrossentropy(from_logits=True)),
        (X, flags),
        ["Classes", "macro avg"],
    )
    yield (
        "labels_side_by_side",
        lambda: made([layers.Dense(4, activation="sigmoid")], "binary_crossentropy"),
        (X, RNG.integers(0, 2, (ROWS, 4))),
        ["Labels", "All labels of an example are right in"],
    )
    yield (
        "sequences",
        lambda: made(
            [layers.Embedding(9, 2, mask_zero=True), layers.Dense(3, activation="softmax")],
            "sparse_categorical_crossentropy",
        ),
        (TOKENS, RNG.integers(0, 3, TOKENS.shape)),
        ["Classes", "tokens", "160"],
    )
    yield (
        "numbers",
        lambda: made([layers.Dense(2)], "mse"),
        (X, X[:, :2]),
        ["Numbers", "RMSE", "R2", "x[3]"],
    )
    yield (
        "pictures_of_pictures",
        lambda: made([layers.Dense(8)], "mse"),
        (IMAGES / 255, IMAGES / 255),
        ["Numbers", "as a table"],
    )
    yield (
        "series",
        lambda: made([layers.GlobalAveragePooling1D(), layers.Dense(1)], "mse"),
        (RNG.normal(size=(ROWS, 12, 2)), X[:, :1]),
        ["Numbers", "as a table"],
    )


CASES = {name: rest for name, *rest in cases()}


@pytest.mark.parametrize("name", CASES)
def test_kinds_of_models(name: str, tmp_path: Path) -> None:
    make, data, words = CASES[name]
    page = without_history(written(make(), tmp_path, *data, n=2))
    for word in words:
        assert word in page.text, word


def test_several_outputs_have_a_section_each(tmp_path: Path) -> None:
    inputs = Input((4,), name="x")
    kind = layers.Dense(3, activation="softmax", name="kind")(inputs)
    size = layers.Dense(1, name="size")(inputs)
    model = Model(inputs, {"kind": kind, "size": size}, seed=0)
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    y = {"kind": IDS, "size": X[:, :1]}
    page = written(model, tmp_path, {"x": X}, y, labels={"kind": ["a", "b", "c"]}, n=2)
    assert page.titles[2:4] == ["kind: classes", "size: numbers"]
    assert "size_loss" in page.text and "true 1" in page.text


def test_columns_of_a_frame_are_named(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="frames")
    frame = pandas.DataFrame(X, columns=["age", "fare", "<b>", "size"])
    page = written(made([layers.Dense(1)], "mse"), tmp_path, frame, X[:, 0], n=2)
    assert "age fare <b> size" in page.text


def test_ids_are_decoded(tmp_path: Path) -> None:
    words = ["-", *"abcdefgh"]
    page = written(
        made([layers.Embedding(9, 2), layers.Flatten(), layers.Dense(1)], "mse"), tmp_path,
        TOKENS, X[:, 0], n=1, decode=lambda row: "".join(words[i] for i in row),
    )  # fmt: skip
    assert re.search(r" [a-h]{10} ", page.text)


def test_batches_and_no_worst_examples(tmp_path: Path) -> None:
    batches = iter([(X[:10], X[:10, :1]), (X[10:], X[10:, :1])])
    page = written(made([layers.Dense(1)], "mse"), tmp_path, batches, n=0)
    assert "Worst examples" not in page.titles and "examples 16" in page.text


def test_a_page_is_written_whole_or_not_at_all(
    image_classifier: Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.html"
    path.write_text("before")
    with pytest.raises(ValueError):
        image_classifier.report(path, IMAGES / 255, IDS, labels=["a"])
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_without_matplotlib_the_error_comes_first(
    image_classifier: Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "jkeras.display.inline_figure", raising=False)
    with pytest.raises(ImportError, match=r'pip install "jkeras\[plots\]"'):
        image_classifier.report(tmp_path / "run.html", IMAGES / 255, IDS)
