"""HTML forms of models, runs, layers and results: their text, escaped, without colors."""

import base64
import builtins
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.callbacks import History
from jkeras.core.html_tables import arguments_html, table_html
from jkeras.display.html import details_html, figure_html, figure_uri, run_html, summary_html
from jkeras.display.plots import learning_curves
from jkeras.display.summary import Row, Size
from jkeras.layers import Dense, Dropout, Input, Layer, ReLU
from jkeras.saving.matching import Mismatch, Report

HOSTILE = "<script>alert('x')</script>&\"amp"


class Form(HTMLParser):
    """The rows of a form's tables, all of its text, its elements and their attributes.

    Raises:
      AssertionError: an element is not closed, or is closed in the wrong order.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("br", "img"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def text(self) -> str:
        return " ".join(self.words)


def small_model() -> jkeras.Sequential:
    return jkeras.Sequential([Input((4,)), Dense(3, activation="relu"), Dense(2)], name="small")


ROWS = [Row(f"dense_{index}", "Dense", (None, 2), 6, True) for index in range(25)]
FORMS = {
    "model": lambda: small_model()._repr_html_(),
    "long model": lambda: summary_html("long", ROWS),
    "layer": lambda: Dense(3, activation="relu", name="d")._repr_html_(),
    "run": lambda: run_html({"loss": ([1, 2], [0.5, 0.25])}, {"loss": 1}),
    "results": lambda: jkeras.display.results_table({"loss": 1.0})._repr_html_(),
    "report": lambda: Report(("a",))._repr_html_(),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_well_formed_without_scripts_addresses_and_colors(name: str) -> None:
    text = FORMS[name]()
    form = Form(text)
    allowed = {"b", "br", "details", "div", "img", "summary", "table", "tbody", "td", "th", "thead"}
    assert set(form.tags) <= allowed | {"tr"}
    attributes = {key for _, attrs in form.elements for key in attrs}
    assert attributes <= {"alt", "open", "src", "style"}
    assert "http" not in text
    styles = " ".join(attrs.get("style", "") for _, attrs in form.elements)
    grey = "rgba(128,128,128,"  # of the lines between rows, on any page
    assert "#" not in styles and styles.count("rgb") == styles.count(grey)
    assert not re.search("(^|[ ;])(color|background[a-z-]*):", styles)


@pytest.mark.parametrize(
    "text",
    [
        table_html([HOSTILE], [[HOSTILE]], caption=HOSTILE),
        arguments_html(HOSTILE, [(HOSTILE, HOSTILE)]),
        arguments_html(HOSTILE, []),
        details_html(HOSTILE, ""),
        summary_html(HOSTILE, [Row(HOSTILE, HOSTILE, (None, 2), 3, connected_to=HOSTILE)]),
        run_html({HOSTILE: ([1], [0.5])}, {}, title=HOSTILE),
        jkeras.display.results_table({HOSTILE: {HOSTILE: 1.0}})._repr_html_(),
        Report((HOSTILE,), (HOSTILE,), (HOSTILE,))._repr_html_(),
        figure_html(learning_curves({"loss": [1.0]}), HOSTILE),
    ],
    ids=["table", "arguments", "none", "details", "summary", "run", "results", "report", "figure"],
)
def test_every_text_is_escaped(text: str) -> None:
    form = Form(text)
    assert "script" not in form.tags
    descriptions = [attrs["alt"] for _, attrs in form.elements if "alt" in attrs]
    assert any(HOSTILE in words for words in [*form.words, *descriptions])


def test_the_summary_of_a_model() -> None:
    form = Form(small_model()._repr_html_())
    assert form.rows == [
        ["Layer (type)", "Output Shape", "Param #"],
        ["dense (Dense)", "(None, 3)", "15"],
        ["dense_1 (Dense)", "(None, 2)", "8"],
    ]
    assert "Model: small" in form.words
    assert " Total params: 23 (92.00 B)" in form.words
    assert " Trainable params: 23 (92.00 B)" in form.words
    assert "details" not in form.tags


def test_numbers_stand_at_the_right() -> None:
    form = Form(small_model()._repr_html_())
    sides = [attrs["style"].rpartition(":")[2] for tag, attrs in form.elements if tag == "td"]
    assert sides == ["left", "left", "right"] * 2


def test_a_model_that_is_not_built() -> None:
    form = Form(jkeras.Sequential([Dense(3), Dropout(0.5)], name="later")._repr_html_())
    assert form.rows[1:] == [
        ["dense (Dense)", "?", "0 (unbuilt)"],
        ["dropout (Dropout)", "?", "0"],
    ]
    assert " Total params: 0 (0.00 B)" in form.words


def test_a_trainer_and_a_graph() -> None:
    x = Input((4,), name="x")
    graph = jkeras.Model(x, jkeras.layers.add([Dense(4, name="a")(x), x]), name="graph")
    form = Form(graph._repr_html_())
    assert form.rows[0] == ["Layer (type)", "Output Shape", "Param #", "Connected to"]
    assert form.rows[-1] == ["add (Add)", "(None, 4)", "0", "a[0][0], x[0][0]"]
    assert "Model: dense" in Form(jkeras.Trainer(Dense(2))._repr_html_()).words


def test_frozen_layers_are_told_in_a_column() -> None:
    model = small_model()
    model.freeze("dense")
    form = Form(model._repr_html_())
    assert form.rows[0][-1] == "Trainable"
    assert [row[-1] for row in form.rows[1:]] == ["N", "Y"]


def test_a_model_that_has_trained_shows_the_optimizer() -> None:
    model = small_model()
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    assert " Optimizer params: 2 (8.00 B)" in Form(model._repr_html_()).words


def test_a_long_summary_unfolds_and_its_totals_stand_outside() -> None:
    assert "details" not in Form(summary_html("short", ROWS[:24])).tags
    form = Form(summary_html("long", ROWS, trainable=Size(150, 600)))
    tags = form.tags
    assert tags.count("details") == 1 and "25 layers" in form.words
    assert "open" not in dict(form.elements)["details"]
    assert tags.index("br") > len(tags) - 4  # the lines of the totals are the last ones


def test_a_layer_shows_what_differs_from_the_defaults() -> None:
    form = Form(Dense(3, activation="relu", name="hidden")._repr_html_())
    assert form.words[0] == "Dense 'hidden'"
    assert form.rows == [
        ["argument", "value"],
        ["units", "3"],
        ["activation", "relu"],
        ["name", "'hidden'"],
    ]
    assert Form(ReLU()._repr_html_()).text == "ReLU , all arguments as by default"


class Scaled(Layer):
    """A layer in Keras's way."""

    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor


def test_a_layer_with_an_init_shows_what_it_was_given() -> None:
    form = Form(Scaled(2.5, name="s")._repr_html_())
    assert form.rows[1:] == [["factor", "2.5"], ["name", "'s'"]]


def test_other_descriptions_have_the_form_too() -> None:
    form = Form(jkeras.optimizers.Adam(0.5)._repr_html_())
    assert form.rows[1:] == [["learning_rate", "0.5"]]


def test_a_long_value_is_cut() -> None:
    value = Form(arguments_html("Lookup", [("words", "a" * 1000)])).rows[1][1]
    assert value == "a" * 199 + "…"


def test_a_run_shows_the_last_and_the_best_values() -> None:
    history = History()
    for loss, accuracy in ((0.5, 0.5), (0.25, 1.0), (1.0, 0.75)):
        history.on_epoch_end(0, {"accuracy": accuracy, "loss": loss, "steps_done": 3.0})
    form = Form(history._repr_html_())
    assert form.words[0] == "History: 3 epochs"
    assert form.rows == [
        ["log", "last", "best", "in epoch"],
        ["accuracy", "0.7500", "1.0000", "2"],
        ["loss", "1.0000", "0.2500", "2"],
        ["steps_done", "3.0000", "–", "–"],
    ]
    (image,) = [attrs for tag, attrs in form.elements if tag == "img"]
    kind, _, data = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")


def test_one_epoch_has_no_curves() -> None:
    history = History()
    assert Form(history._repr_html_()).rows == [["log", "last", "best", "in epoch"]]
    history.on_epoch_end(0, {"loss": 0.5})
    assert "img" not in Form(history._repr_html_()).tags


def test_a_run_without_matplotlib_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without_matplotlib(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    form = Form(run_html({"loss": ([1, 2], [0.5, 0.25])}, {}))
    assert "img" not in form.tags and form.rows[1][:2] == ["loss", "0.2500"]


def test_a_figure_is_an_address() -> None:
    uri = figure_uri(learning_curves({"loss": [1.0, 0.5]}))
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)
    assert data.startswith(b"\x89PNG")


def test_what_unfolds_may_be_open() -> None:
    assert details_html("more", "<b>x</b>", is_open=True).startswith("<details open><summary>more")


def test_the_report_of_a_weight_file() -> None:
    different = Mismatch("w", ((2,), "float32"), ((3,), "float32"))
    form = Form(Report(("a", "b"), ("c",), (), (different,))._repr_html_())
    assert form.rows == [
        ["weights", "number", "names"],
        ["loaded", "2", "a, b"],
        ["not in the file", "1", "c"],
        ["not in the model", "0", ""],
        ["different", "1", str(different)],
    ]
