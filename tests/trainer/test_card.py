"""Model cards: what is known is there, what is not is said to be unknown, and the code runs."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, Trainer, layers

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
IDS = np.arange(20) % 3
HEADINGS = [
    "Model details", "Intended use", "Limitations", "Training data", "Training procedure",
    "Evaluation results", "Architecture", "Size", "How to load and use", "Versions and machine",
]  # fmt: skip


def classifier(**options: Any) -> Sequential:
    model = Sequential([Input((4,)), layers.Dense(3, activation="softmax")], seed=7, name="flowers")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    if options:
        model.fit(X, IDS, verbose=0, **options)
    return model


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def section(text: str, title: str) -> str:
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0].strip()


def front_matter(text: str) -> Any:
    yaml = pytest.importorskip("yaml", reason="the oracle")
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("---\n")[1])


def code(text: str) -> str:
    (found,) = re.findall(r"```python\n(.+?)\n```", text, re.DOTALL)
    return found


def test_a_trained_model(tmp_path: Path) -> None:
    model = classifier(epochs=2, batch_size=5, validation_split=0.25)
    results = model.evaluate(X, IDS, verbose=0, return_dict=True)
    path = tmp_path / "new" / "card.md"
    text = model.card(
        path,
        description="Tells *three* flowers apart.",
        intended_use="Lessons.",
        results=results,
        labels=["setosa", "versicolor", "virginica"],
        license="apache-2.0",
        tags=["flowers", "jkeras", "no"],
    )
    assert path.read_text() == text
    assert headings(text) == HEADINGS
    assert front_matter(text) == {
        "library_name": "jkeras",
        "license": "apache-2.0",
        "tags": ["jkeras", "flowers", "no"],
        "metrics": ["accuracy"],
    }
    assert "# flowers\n" in text
    details = section(text, "Model details")
    assert details.startswith("Tells *three* flowers apart.\n\n")
    assert "| parameters | 15 |" in details and "| inputs | (None, 4) float32 |" in details
    assert section(text, "Intended use") == "Lessons."
    assert section(text, "Limitations") == "Not stated."
    data = section(text, "Training data")
    for line in ("| examples | 15 |", "| x | float32[4] |", "| validation examples | 5 |",
                 "| setosa | 5 |", "| virginica | 5 |"):  # fmt: skip
        assert line in data, data
    training = section(text, "Training procedure")
    for line in ("| epochs | 2 of 2 planned |", "| batch size | 5 |", "| seed | 7 |"):
        assert line in training, training
    assert re.search(r"\| optimizer \| Adam\(learning_rate=0\.001, beta_1=0\.9, ", training)
    assert "| time of an epoch | " in training
    found = section(text, "Evaluation results")
    assert f"| accuracy | {results['accuracy']:.4g} |" in found and "| val_loss | " in found
    assert "│ dense (Dense)" in section(text, "Architecture")
    assert "| size of the weights | 60.00 B |" in section(text, "Size")
    assert "no `model.keras` beside this card yet" in section(text, "Size")


def test_a_model_that_was_not_trained() -> None:
    text = classifier().card()
    assert headings(text) == HEADINGS
    assert section(text, "Training data").startswith("Not known: no run of `fit`")
    assert "not trained, or its run is not known" in section(text, "Training procedure")
    assert section(text, "Evaluation results") == "No evaluation was given."
    assert "metrics" not in front_matter(text)


def test_a_model_that_is_neither_built_nor_compiled() -> None:
    text = Sequential([layers.Dense(2)]).card()
    assert headings(text) == HEADINGS
    assert "the model is not built yet" in section(text, "Size")
    assert "The model is not compiled." in section(text, "Training procedure")
    assert "not known before the model is built" in section(text, "How to load and use")


def run_code(model: Any, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    model.save(folder / "model.keras")
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(code(text), names)
    return names["outputs"]


def test_the_code_loads_the_model_and_applies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = classifier(epochs=1)
    outputs = run_code(model, model.card(), tmp_path, monkeypatch)
    expected = model.predict(np.zeros((1, 4)), verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    text = model.card(tmp_path / "card.md")
    assert re.search(r"\| `model.keras` on disk \| \d+\.\d\d KB \|", section(text, "Size"))


@pytest.mark.parametrize("kind", ["two_inputs", "tokens"])
def test_the_code_runs_for_other_inputs(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "tokens":
        model: Any = Sequential(
            [Input((None,), dtype="int32"), layers.Embedding(9, 2), layers.GlobalMaxPooling1D()]
        )
    else:
        first, second = Input((4,), name="first"), Input((2, 3), name="second")
        joined = layers.Concatenate()([first, layers.Flatten()(second)])
        model = Model([first, second], layers.Dense(2)(joined))
    outputs = run_code(model, model.card(), tmp_path, monkeypatch)
    assert outputs.shape == (1, 2)


class Doubled(layers.Layer):
    """A layer of a user's."""

    def call(self, x: Any) -> Any:
        return 2 * x


def test_own_classes_are_named() -> None:
    text = Sequential([Input((4,)), Doubled()]).card()
    usage = section(text, "How to load and use")
    assert usage.startswith("Its own classes (Doubled) have to be defined or imported first.")
    assert 'custom_objects={"Doubled": Doubled}' in code(text)


def test_a_model_without_a_configuration_has_its_weights() -> None:
    class Net:
        def init(self, key: Any, x: Any) -> Any:
            return {"w": np.ones((4, 1), np.float32)}, {}

        def apply(self, params: Any, state: Any, x: Any, **options: Any) -> Any:
            return x @ params["w"], state

    trainer = Trainer(Net(), seed=0)
    trainer.build((None, 4))
    text = trainer.card()
    assert 'model.load_weights("model.safetensors")' in code(text)
    assert "| parameters | 4 |" in text


def test_names_cannot_leave_their_cells() -> None:
    model = Sequential([Input((4,)), layers.Dense(1)], seed=0, name="a|b <i>\n# c")
    text = model.card(tags=["a: b", "#x"])
    assert "\n# a\\|b &lt;i> \\# c\n" in text
    assert front_matter(text)["tags"] == ["jkeras", "a: b", "#x"]


def test_the_size_of_a_card_of_a_history_of_another_run() -> None:
    history = classifier(epochs=3).history
    text = classifier().card(history=history)
    assert "| epochs | 3 of 3 planned |" in text
