"""The page of a model: its controls and views follow from what the model takes and gives."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

import jkeras
from jkeras import layers as L
from jkeras.export.inference import Inference
from jkeras.export.web import page
from jkeras.layers import Input
from jkeras.trainer.files.exporting import inference_of


def of(model: Any) -> Inference:
    return inference_of(model._trainer_parts.state)


def chain(shape: tuple[int | None, ...], *parts: Any, dtype: str = "float32") -> Inference:
    return of(jkeras.Sequential([Input(shape, dtype=dtype), *parts], name="net", seed=0))


def model_of(text: str) -> Any:
    """What the page's script is told."""
    found = re.search(r'<script type="application/json" id="model">(.*?)</script>', text, re.S)
    assert found is not None
    return json.loads(found[1])


def classes(*parts: Any) -> list[Any]:
    return [*parts, L.Flatten(), L.Dense(3, activation="softmax")]


CONTROLS: dict[str, tuple[Inference, dict[str, Any]]] = {
    "grey": (
        chain((28, 28, 1), *classes(L.Rescaling(1 / 255)), dtype="uint8"),
        {"kind": "drawing", "size": [28, 28], "range": 255, "shape": [28, 28, 1]},
    ),
    "grey without a channel": (
        chain((28, 28), *classes()),
        {"kind": "drawing", "size": [28, 28], "range": 1.0, "shape": [28, 28]},
    ),
    "grey, scaled inside": (
        chain((28, 28, 1), *classes(L.Rescaling(1 / 255))),
        {"kind": "drawing", "range": 255.0, "dtype": "float32"},
    ),
    "channels first": (
        chain((3, 16, 20), *classes()),
        {"kind": "picture", "size": [16, 20], "channelsFirst": True, "shape": [3, 16, 20]},
    ),
    "colors of any size": (
        chain((None, None, 3), L.GlobalAveragePooling2D(), L.Dense(2)),
        {"kind": "picture", "size": [224, 224], "shape": [224, 224, 3], "channels": 3},
    ),
    "table": (
        chain((4,), L.Dense(3)),
        {"kind": "table", "columns": ["Feature 1", "Feature 2", "Feature 3", "Feature 4"]},
    ),
    "long rows": (chain((100,), L.Dense(3)), {"kind": "text", "shape": [100], "integer": False}),
    "token ids": (
        chain((7,), L.Embedding(9, 2), L.GlobalAveragePooling1D(), dtype="int32"),
        {"kind": "text", "shape": [7], "integer": True, "vocabulary": None},
    ),
    "sequence": (chain((None, 4), L.LSTM(2)), {"kind": "text", "shape": [None, 4]}),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_inputs_have_the_control_that_their_shape_asks_for(name: str) -> None:
    inference, expected = CONTROLS[name]
    (control,) = model_of(page(inference))["inputs"]
    assert {key: control[key] for key in expected} == expected


VIEWS: dict[str, tuple[Inference, dict[str, Any], dict[str, Any]]] = {
    "softmax": (
        chain((4,), L.Dense(3, activation="softmax")),
        {},
        {"kind": "bars", "labels": ["0", "1", "2"], "logits": False},
    ),
    "logits with labels": (
        chain((4,), L.Dense(2)),
        {"labels": ["cat", "dog"]},
        {"kind": "bars", "labels": ["cat", "dog"], "logits": True},
    ),
    "probabilities with labels": (
        chain((4,), L.Dense(2, activation="softmax")),
        {"labels": ["cat", "dog"]},
        {"kind": "bars", "logits": False},
    ),
    "regression": (chain((4,), L.Dense(2)), {}, {"kind": "numbers"}),
    "told logits": (chain((4,), L.Dense(2)), {"logits": True}, {"kind": "bars", "logits": True}),
    "one probability": (
        chain((4,), L.Dense(1, activation="sigmoid")),
        {"labels": ["spam"]},
        {"kind": "bars", "labels": ["spam"]},
    ),
    "image": (chain((8, 8, 1), L.Conv2D(1, 3)), {}, {"kind": "image"}),
    "sequence": (chain((5, 4), L.Dense(3)), {}, {"kind": "numbers"}),
}


@pytest.mark.parametrize("name", VIEWS)
def test_outputs_have_the_view_that_their_numbers_ask_for(name: str) -> None:
    inference, options, expected = VIEWS[name]
    (view,) = model_of(page(inference, **options))["outputs"]
    assert {key: view[key] for key in expected} == expected


def test_several_inputs_and_outputs_go_by_their_names() -> None:
    image, table = Input((16, 16, 1), name="scan"), Input((2,), name="age_and_weight")
    x = L.Concatenate()([L.Flatten()(image), table])
    outputs = {"kind": L.Dense(2, "softmax", name="kind")(x), "risk": L.Dense(1, name="risk")(x)}
    model = jkeras.Model([image, table], outputs, seed=0)
    told = model_of(page(of(model), labels={"kind": ["ill", "well"]}, columns=["Age", "Weight"]))
    assert [(c["name"], c["kind"]) for c in told["inputs"]] == [
        ("scan", "drawing"),
        ("age_and_weight", "table"),
    ]
    assert told["inputs"][1]["columns"] == ["Age", "Weight"]
    assert [(v["name"], v["kind"]) for v in told["outputs"]] == [
        ("kind", "bars"),
        ("risk", "numbers"),
    ]


def test_a_model_from_a_file_is_judged_by_its_outputs(tmp_path: Path) -> None:
    model = jkeras.Sequential([Input((28, 28)), L.Flatten(), L.Dense(3, "softmax")], seed=0)
    model.export(tmp_path / "m.stablehlo", verbose=False)
    read = jkeras.load_exported(tmp_path / "m.stablehlo")

    class FromFile(Inference):
        def __call__(self, *arrays: Any) -> tuple[Any, ...]:
            return (read(*arrays),)

    told = model_of(page(FromFile("net", None, {}, {}, read.inputs, read.outputs, None)))
    assert told["inputs"][0]["kind"] == "drawing"
    assert (told["outputs"][0]["kind"], told["outputs"][0]["logits"]) == ("bars", False)


@pytest.mark.parametrize("backend", ["wasm", "server"])
def test_the_page_asks_no_other_address_and_allows_only_its_own_script(backend: Any) -> None:
    hostile = "</script><script>alert(1)</script>{{script}}"
    inference = chain((4,), L.Dense(2, activation="softmax"))
    text = page(inference, backend=backend, title=hostile, labels=[hostile, "b"])
    assert not re.search(r"https?:|//[a-z]+\.", text)
    assert text.count("<script") == text.count("</script>") == 2  # the model and the script
    assert model_of(text)["outputs"][0]["labels"][0] == hostile
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        parts = re.findall(f'<{tag}(?: type="module")?>(.*?)</{tag}>', text, re.S)
        digest = base64.b64encode(hashlib.sha256(parts[0].encode()).digest()).decode()
        assert len(parts) == 1 and f"{directive} 'sha256-{digest}'" in text


def test_another_number_of_labels_or_columns_is_refused() -> None:
    inference = chain((4,), L.Dense(2, activation="softmax"))
    with pytest.raises(ValueError) as error:
        page(inference, labels=["a"])
    assert str(error.value) == (
        "export: `labels`: expected 2 labels for the output 'output', got 1."
    )
    with pytest.raises(ValueError) as error:
        page(inference, columns=["a"])
    assert str(error.value) == "export: `columns`: expected 4 names, got 1."
