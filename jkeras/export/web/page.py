"""`page`: one HTML page for a model, made from what it takes and gives.

The page holds its style and its script, and asks no other address than its own: its content
security policy names both by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from jkeras.core.errors import value_error
from jkeras.export.inference import Inference
from jkeras.export.web.controls import Labels, input_control, output_views, white_pixel

MODEL_FILE = "model.onnx"
RUNTIME_FILE = "ort.wasm.bundle.min.mjs"

_WORDS = {
    "drawing": ("Draw, and the model answers.", "Nothing is drawn yet."),
    "picture": ("Choose a picture, and the model answers.", "No picture yet."),
    "table": ("Fill in the numbers, and the model answers.", "A number is missing."),
    "text": ("Write, and the model answers.", "Nothing is written yet."),
    "several": ("Fill in all inputs, and the model answers.", "An input is missing."),
}
"""By kind of control what the page says above, and while there is nothing to predict from."""

_NOTES = {
    "wasm": "The model runs in this page: what you enter stays on this device.",
    "server": "The server of this page runs the model.",
}


def page(
    inference: Inference,
    *,
    backend: Literal["wasm", "server"] = "wasm",
    endpoint: str | None = None,
    title: str | None = None,
    labels: Labels = None,
    columns: Sequence[str] | None = None,
    vocabulary: Sequence[str] | None = None,
    pixels: float | None = None,
    logits: bool | None = None,
) -> str:
    """An HTML page in which a person tries the model.

    Args:
      inference: the model.
      backend: who runs it: "wasm", the page itself, with `MODEL_FILE` and `RUNTIME_FILE` beside it;
        or "server", the server it comes from.
      endpoint: where "server" takes `{"instances": [...]}` and gives `{"predictions": [...]}`;
        `v1/models/NAME:predict` when left out.
      title: of the page; the model's name when left out.
      labels: the classes' names; for several outputs a dict of them by the output's name.
      columns: the names of the fields of a table.
      vocabulary: the words whose indices are the token ids.
      pixels: the value of a white pixel; 255 for a model that scales pixels itself, else 1.
      logits: whether outputs of several classes are logits, which are shown as probabilities; when
        left out those that have labels and are none already.

    Raises:
      ValueError: another number of labels or columns than the model has; an input of a dtype that
        no page can make.
    """
    inputs = [
        input_control(
            spec,
            pixels=white_pixel(inference) if pixels is None else pixels,
            columns=columns,
            vocabulary=vocabulary,
            alone=len(inference.inputs) == 1,
        )
        for spec in inference.inputs
    ]
    _check_dtypes(inference)
    lead, waiting = _WORDS[inputs[0]["kind"] if len(inputs) == 1 else "several"]
    model = {
        "inputs": inputs,
        "outputs": output_views(inference, labels, logits),
        "waiting": waiting,
        "file": MODEL_FILE,
        "runtime": RUNTIME_FILE,
        "endpoint": endpoint or f"v1/models/{inference.name}:predict",
    }
    return _filled(backend, title or _title(inference.name), lead, model)


def _title(name: str) -> str:
    return name.replace("_", " ").strip().capitalize() or "Model"


def _check_dtypes(inference: Inference) -> None:
    for spec in inference.inputs:
        if spec.dtype in ("float16", "bfloat16") or spec.dtype.startswith("complex"):
            raise value_error(
                who="export",
                argument=f"inputs[{spec.name!r}]",
                expected="a dtype that browsers have",
                got=spec.dtype,
                fix="Export a model whose inputs are float32.",
            )


def _filled(backend: str, title: str, lead: str, model: dict[str, Any]) -> str:
    """The template with its parts, and a policy that allows these parts and nothing else."""
    style = "\n" + _template("page.css")
    parts = ("inputs.js", "outputs.js", f"{backend}.js", "main.js")
    script = "\n" + "\n".join(map(_template, parts))
    scripts = f"script-src {_hash(script)}"
    if backend == "wasm":
        scripts += " 'self' 'wasm-unsafe-eval'"
    policy = (
        f"default-src 'none'; {scripts}; style-src {_hash(style)}; connect-src 'self'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'"
    )
    values = {
        "policy": policy,
        "title": html.escape(title),
        "lead": html.escape(lead),
        "note": html.escape(_NOTES[backend]),
        "style": style,
        "script": script,
        "model": json.dumps(model).replace("<", "\\u003c"),
    }
    return re.sub(r"{{(\w+)}}", lambda found: values[found[1]], _template("page.html"))


def _template(name: str) -> str:
    folder = importlib.resources.files("jkeras.export.web") / "templates"
    return (folder / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
