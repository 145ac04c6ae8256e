"""Wrong uses of cards, pages and worst examples, each with the whole message it gets.

All of them are raised before anything is written.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input, Model, Sequential, Trainer, display, layers
from jkeras.training import make_train_state

pytest.importorskip("matplotlib", reason="figures need the extra `plots`")
X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
IDS = np.arange(8) % 3


class Wrong(NamedTuple):
    """A wrong use: what is done, the error it gets, and its message."""

    use: Callable[[], Any]
    kind: type[Exception]
    message: str


def model(loss: Any = "sparse_categorical_crossentropy", units: int = 3) -> Sequential:
    activation = "softmax" if units > 1 else None
    made = Sequential([Input((4,)), layers.Dense(units, activation=activation)], name="net", seed=0)
    made.compile("sgd", loss)
    return made


def two_outputs() -> Model:
    inputs = Input((4,), name="x")
    outputs = {
        "kind": layers.Dense(3, activation="softmax", name="kind")(inputs),
        "size": layers.Dense(1, name="size")(inputs),
    }
    made = Model(inputs, outputs, seed=0, name="net")
    made.compile("sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    return made


def without_outputs() -> Trainer:
    return Trainer(
        train_step=lambda train_state, batch: (train_state, {"loss": jnp.zeros(())}),
        init=lambda key, x: make_train_state(key, {"w": jnp.zeros(1)}),
        eval_step=lambda params, state, batch: {"loss": jnp.zeros(())},
    )


def report(*data: Any, path: Any = "run.html", of: Any = None, **options: Any) -> Any:
    return (of or model()).report(path, *data, **options)


Y2 = {"kind": IDS, "size": X[:, :1]}
LABELS = "report: `labels`: "
CASES = {
    "not_compiled": Wrong(
        lambda: report(X, IDS, of=Sequential([layers.Dense(3)], name="net")),
        ValueError,
        "Sequential 'net': `report` needs a compiled model. Call compile(optimizer='adam', "
        "loss='mse') first.",
    ),
    "top_losses_not_compiled": Wrong(
        lambda: Sequential([layers.Dense(3)], name="net").top_losses(X, IDS),
        ValueError,
        "Sequential 'net': `top_losses` needs a compiled model. Call compile(optimizer='adam', "
        "loss='mse') first.",
    ),
    "no_loss": Wrong(
        lambda: model(None).top_losses(X),
        ValueError,
        "Sequential 'net': top_losses: expected a model that is compiled with a loss of each "
        "output, got one whose losses per example are not known. Call compile(loss=...).",
    ),
    "no_outputs": Wrong(
        lambda: report(X, X[:, :1], of=without_outputs()),
        ValueError,
        "report: expected a trainer with `predict_step`, got none. Give it beside `train_step`: "
        "Trainer(..., predict_step=function), where function(params, state, batch) -> outputs.",
    ),
    "other_length": Wrong(
        lambda: report(X, IDS[:5]),
        ValueError,
        "report: expected the same number of examples everywhere, got: `x` has 8, `y` has 5.",
    ),
    "no_targets": Wrong(
        lambda: report(X),
        ValueError,
        "report: expected targets for the loss 'sparse_categorical_crossentropy', got `y` = None. "
        "Pass `y`, or batches (x, y).",
    ),
    "no_data": Wrong(
        lambda: report(),
        ValueError,
        "report: expected `x`, got None. Pass an array or an iterable of batches.",
    ),
    "empty": Wrong(
        lambda: report(X[:0], IDS[:0]),
        ValueError,
        "report: expected at least one example, got none in x, y.",
    ),
    "targets_out_of_range": Wrong(
        lambda: report(X, IDS + 1),
        ValueError,
        "sparse_categorical_crossentropy: expected class indices from 0 to 2 in `y_true` (the "
        "outputs have 3 classes), got values from 1 to 3, first 3 at row 2. These labels start at "
        "1: pass y - 1.",
    ),
    "batches_of_other_shapes": Wrong(
        lambda: report(iter([])),
        ValueError,
        "report: `x`: expected at least one batch, got an iterable without any.",
    ),
    "labels_too_few": Wrong(
        lambda: report(X, IDS, labels=["a", "b"]),
        ValueError,
        LABELS + "expected a name for each of the 3 classes, got 2. A dict from class id to name "
        "may leave some out.",
    ),
    "labels_too_many": Wrong(
        lambda: report(X, IDS, labels=list("abcd")),
        ValueError,
        LABELS + "expected a name for each of the 3 classes, got 4. A dict from class id to name "
        "may leave some out.",
    ),
    "label_of_no_class": Wrong(
        lambda: report(X, IDS, labels={7: "x"}),
        ValueError,
        LABELS + "expected class ids from 0 to 2 as keys, got 7.",
    ),
    "labels_by_name": Wrong(
        lambda: report(X, IDS, labels={"cat": 0}),
        ValueError,
        LABELS + "expected class ids from 0 to 2 as keys, got 'cat'.",
    ),
    "labels_of_numbers": Wrong(
        lambda: report(X, X[:, :1], of=model("mse", 1), labels=["a"]),
        ValueError,
        LABELS + "expected none, because the model predicts no classes, got ['a'] (list).",
    ),
    "labels_of_several_in_a_list": Wrong(
        lambda: report(X, Y2, of=two_outputs(), labels=["a", "b", "c"]),
        TypeError,
        LABELS + "expected a dict from output to names, because the model has 2 outputs, got "
        "['a', 'b', 'c'] (list).",
    ),
    "labels_of_an_unknown_output": Wrong(
        lambda: report(X, Y2, of=two_outputs(), labels={"kinds": ["a", "b", "c"]}),
        ValueError,
        LABELS + "no output is named 'kinds'. Did you mean 'kind'? Outputs: kind, size.",
    ),
    "no_path": Wrong(
        lambda: report(X, IDS, path=3),
        TypeError,
        "report: `path`: expected the path of a file, such as 'run.html', got 3 (int).",
    ),
    "other_ending": Wrong(
        lambda: report(X, IDS, path="run.pdf"),
        ValueError,
        "report: `path`: expected a name that ends with .html or .htm, got 'run.pdf'. Write "
        "'run.html'.",
    ),
    "a_folder": Wrong(
        lambda: (Path("folder.html").mkdir(), report(X, IDS, path="folder.html")),
        ValueError,
        "report: `path`: expected a file, got the folder 'folder.html'.",
    ),
    "n_below_0": Wrong(
        lambda: report(X, IDS, n=-1),
        ValueError,
        "report: `n`: expected an integer of at least 0, got -1.",
    ),
    "no_examples_to_show": Wrong(
        lambda: model().top_losses(X, IDS, n=0),
        ValueError,
        "top_losses: `n`: expected a positive integer, got 0.",
    ),
    "decode_is_a_list": Wrong(
        lambda: report(X, IDS, decode=["a"]),
        TypeError,
        "report: `decode`: expected a function from one example to its text, got ['a'] (list).",
    ),
    "history_of_another_kind": Wrong(
        lambda: report(X, IDS, history={"loss": [1.0]}),
        TypeError,
        "report: `history`: expected what `fit` returned, a History, got {'loss': [1.0]} (dict).",
    ),
    "misspelt": Wrong(
        lambda: report(X, IDS, label=["a"]),
        TypeError,
        "report: unexpected argument `label`. Did you mean 'labels'? Arguments: path, x, y, "
        "sample_weight, batch_size, n, labels, history, title, notes, decode.",
    ),
    "plot_labels": Wrong(
        lambda: display.plot_top_losses(model(), X, IDS, labels=["a"]),
        ValueError,
        "plot_top_losses: `labels`: expected a name for each of the 3 classes, got 1. A dict from "
        "class id to name may leave some out.",
    ),
    "card_ending": Wrong(
        lambda: model().card("card.txt"),
        ValueError,
        "card: `path`: expected a name that ends with .md or .markdown, got 'card.txt'. Write "
        "'card.md'.",
    ),
    "results_in_a_list": Wrong(
        lambda: model().card(results=[0.5, 0.9]),
        TypeError,
        "card: `results`: expected a dict from name to number, got [0.5, 0.9] (list). Pass "
        "model.evaluate(x, y, return_dict=True).",
    ),
    "results_in_words": Wrong(
        lambda: model().card(results={"accuracy": "good"}),
        TypeError,
        "card: `results`: expected numbers, got 'good' (str) for 'accuracy'. Pass "
        "model.evaluate(x, y, return_dict=True).",
    ),
    "use_is_no_text": Wrong(
        lambda: model().card(intended_use=["a", "b"]),
        TypeError,
        "card: `intended_use`: expected a text, got ['a', 'b'] (list).",
    ),
    "tags_in_a_word": Wrong(
        lambda: model().card(tags="images"),
        TypeError,
        "card: `tags`: expected a list of words, such as [\"images\"], got 'images' (str).",
    ),
    "file_of_weights": Wrong(
        lambda: model().card(model_file="model.safetensors"),
        ValueError,
        "card: `model_file`: expected the name of a file that ends with .keras, got "
        "'model.safetensors' (str).",
    ),
    "card_in_a_file": Wrong(
        lambda: (Path("taken").write_text(""), model().card("taken/card.md")),
        ValueError,
        "card: `path`: expected a folder, got the file '{folder}/taken'.",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_uses(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    use, kind, message = CASES[name]
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message.replace("{folder}", str(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size]
