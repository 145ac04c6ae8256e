"""`write`: a folder with a page, the model as ONNX, and the runtime for browsers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jkeras.core.errors import value_error
from jkeras.core.folders import atomic_write
from jkeras.export import onnx
from jkeras.export.inference import Inference
from jkeras.export.web.controls import Labels
from jkeras.export.web.page import MODEL_FILE, page
from jkeras.export.web.runtime import runtime_files

PAGE_FILE = "index.html"


def write(
    inference: Inference,
    path: str | os.PathLike[str],
    *,
    runtime: str | os.PathLike[str] | None = None,
    title: str | None = None,
    labels: Labels = None,
    columns: Sequence[str] | None = None,
    vocabulary: Sequence[str] | None = None,
    pixels: float | None = None,
    logits: bool | None = None,
    verify: bool = True,
    quantize: str | None = None,
    representative_data: Any = None,
) -> None:
    """Writes a folder that any static server shows as a page, on which a person tries the model.

    The model runs in the browser, which asks no other address. To look at it:
    `python -m http.server --directory FOLDER`.

    Args:
      inference: the model.
      path: of the folder; files of an older export in it are replaced, others stay.
      runtime: a tarball or folder of the npm package onnxruntime-web 1.30.0; when left out it is
        fetched once from the npm registry into the cache (`JKERAS_HOME`).
      title: of the page; the model's name when left out.
      labels: the classes' names; for several outputs a dict of them by the output's name.
      columns: the names of the fields of a table.
      vocabulary: the words whose indices are the token ids.
      pixels: the value of a white pixel; 255 for a model that scales pixels itself, else 1.
      logits: whether outputs of several classes are logits, which are shown as probabilities; when
        left out those that have labels and are none already.
      verify, quantize, representative_data: as for the format "onnx".

    Raises:
      ImportError: the package `onnx` or `onnxruntime` is missing.
      OSError: the runtime is neither here nor to be fetched.
      ValueError: an argument; a model that the format "onnx" or a page cannot hold.
    """
    _check_rows(inference)
    text = page(
        inference,
        title=title,
        labels=labels,
        columns=columns,
        vocabulary=vocabulary,
        pixels=pixels,
        logits=logits,
    )
    files = runtime_files(runtime)
    folder = Path(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        model = Path(temporary) / MODEL_FILE
        onnx.write(
            inference,
            model,
            verify=verify,
            quantize=quantize,
            representative_data=representative_data,
            external_data=False,
        )
        folder.mkdir(exist_ok=True)
        os.replace(model, folder / MODEL_FILE)
    for name, content in (*files.items(), (PAGE_FILE, text.encode("utf-8"))):
        atomic_write(folder / name, lambda file, content=content: file.write(content))  # type: ignore[misc]


def _check_rows(inference: Inference) -> None:
    """A page sends one example at a time."""
    for spec in inference.inputs:
        if isinstance(spec.shape[0], int) and spec.shape[0] != 1:
            raise value_error(
                who="export(format='web')",
                argument="input_signature",
                expected="a first axis that is open, or 1",
                got=f"{spec.shape[0]} for {spec.name!r}",
                fix="Export with input_signature=[(None, ...)].",
            )
