"""Writes deploy.md: the formats of exported models, and which networks go into each.

    PYTHONPATH=. python docs/make_deploy.py            # every network in every format: ten minutes
    PYTHONPATH=. python docs/make_deploy.py --text     # the text anew, with the table of before

The networks are those of tests/export/networks.py. Each file is run by its own runtime and compared
with the model at two batch sizes; the options of a format are read from its function `write`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import inspect
import io
import re
import sys
import tempfile
import textwrap
import time
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE / "deploy.md"
TABLE = "## Which networks go where"

FORMATS = {"stablehlo": "StableHLO", "onnx": "ONNX", "litert": "LiteRT"}
"""The formats of the table, as the page calls them."""

HEAD = """# Deploying a model

Written by `docs/make_deploy.py`, which exports every network of `tests/export/networks.py`.

A trained model leaves Python's training loop in one of these forms:

| where it runs | what the user writes | needs there |
|---|---|---|
| any machine with JAX: CPU, GPU, TPU | `model.export("m.stablehlo")` | jax, flatbuffers |
| servers, desktops, phones, browsers | `model.export("m.onnx")` | onnxruntime |
| phones and small devices | `model.export("m.tflite")` | LiteRT (once TensorFlow Lite) |
| any static web server | `model.export("folder", "web")` | a browser |
| an HTTP server that batches requests | `python -m jkeras serve m.keras` | jkeras |
| Keras | `model.save("m.keras")` | Keras 3 |

`pip install 'jkeras[export]'` brings the packages of all formats. `model.export(...)` writes a file
whole or not at all; before, it runs the file in its own runtime on random inputs of two batch sizes
and compares the outputs with the model's (1e-4 of each number, 1e-5 of the largest). An error names
the first layer that differs, or that the format does not have. `verify=False` leaves that out.

`Sequential`, `Model` and `Trainer` export, with modules of Flax, Haiku and Equinox too. Below them
`jkeras.export` has pure functions for any network:

```python
from jkeras.export import export, inference_of

export(inference_of(net, params, state, (None, 28, 28)), "net.stablehlo")
```

Inputs and outputs have names: the keys of a dict, those of the `Input`s and of the last layers,
else `input` and `output`. The first axis is open, `batch`, and so is every axis that is None in the
model's inputs; `input_signature=[(None, "words")]` names such axes or gives numbers. Inputs that
need one length share a name; where a network halves an axis and joins it again, as a U-Net does,
the axis is a multiple, `4*image_axis_1`.

What cannot be exported says why: a model that draws random numbers outside of training, and one
that carries a state from call to call (`stateful=True`; make the states inputs and outputs).

## Back in Python

```python
model = jkeras.load_exported("m.onnx")  # or .tflite, .stablehlo
model.inputs  # names, shapes, dtypes
model(images)  # or model(image=images), model({"image": images})
model.predict(many_images, batch_size=256)
```

One face for all formats, each run by its own runtime: a check on the machine where the file goes,
and the way in which `python -m jkeras serve` takes exported files.
"""

TEXTS = {
    "stablehlo": """## StableHLO

One program of `jax.export` with the weights inside. A process needs jax and flatbuffers, not
jkeras:

```python
{snippet}
```

The file is for several platforms at once, and each has the formulation that is fast there (a
convolution on the CPU is another program than on a GPU), with one copy of the weights.
{compatibility}
`load_exported("m.stablehlo").about` says which version of JAX wrote a file, when, and which calling
convention it has. A file may hold custom calls of JAX: load only files whose writer you trust.
""",
    "onnx": """## ONNX

onnxruntime runs the file on servers, phones and in browsers, from C++, C#, Java or JavaScript, and
many other programs read it. In Python, without jkeras:

```python
import onnxruntime

model = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
outputs = model.run(None, {{"input": x}})  # a list, in the order of model.get_outputs()
```

Recurrent layers are ONNX's own nodes where ONNX has the same equations.
""",
    "litert": """## LiteRT

`.tflite` files for phones and small devices; no TensorFlow is needed, here or there. In Python,
without jkeras:

```python
from ai_edge_litert.interpreter import Interpreter

model = Interpreter("model.tflite").get_signature_runner()
outputs = model(input=x)  # a dict by the outputs' names
```

Recurrent layers are written out step by step, so they need a known number of steps:
`input_signature=[(None, 20, 8)]`.
""",
    "web": """## Web

A folder for any static web server, without a network afterwards: the ONNX model, onnxruntime-web,
and one page made from what the model takes, such as a canvas to draw on for grey images.

```python not-run
model.export("page", "web")  # then: python -m http.server -d page
```
""",
}


def page(table: str) -> str:
    """The text of deploy.md.

    Args:
      table: what `table_of_networks` gave.
    """
    parts = [HEAD, *(_section(name, text) for name, text in TEXTS.items()), table]
    return "\n".join(parts)


def _section(name: str, text: str) -> str:
    from jkeras.export import stablehlo
    from jkeras.export.formats import FORMATS as MODULES

    compatibility = textwrap.fill(stablehlo.COMPATIBILITY, 100)
    known = {"snippet": snippet(), "compatibility": compatibility}
    try:
        module = importlib.import_module(MODULES[name])
    except ModuleNotFoundError:
        return ""
    if not hasattr(module, "write"):
        return ""
    options = "\n".join(
        textwrap.fill(f"- `{option}`: {meaning}", 100, subsequent_indent="  ")
        for option, meaning in _options(module.write)
    )
    return f"{text.format(**known)}\nOptions:\n\n{options}\n"


def snippet() -> str:
    """The lines that read a StableHLO file without jkeras."""
    from jkeras.export import stablehlo

    block = re.search(r"(?:^    .*\n+)+", inspect.getdoc(stablehlo) or "", re.MULTILINE)
    return textwrap.dedent(block[0]).strip() if block else ""


def _options(function: Any) -> list[tuple[str, str]]:
    """The options of a function with their meaning, from the Args of its docstring."""
    text = (inspect.getdoc(function) or "").partition("Args:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^  (\w+(?:, \w+)*): (.*(?:\n    .*)*)", text, re.MULTILINE)
    options = [("`, `".join(names.split(", ")), " ".join(text.split())) for names, text in found]
    return options[2:]  # without the model and the path


def table_of_networks() -> str:
    """Every network in every format that is here, and what is in the way where one is not."""
    from tests.export.networks import NETWORKS

    rows, notes, counts = [], [], dict.fromkeys(FORMATS, 0)
    for number, (name, make) in enumerate(NETWORKS.items(), 1):
        start, cells = time.time(), []
        for form in FORMATS:
            cell, note = _outcome(make, form)
            counts[form] += cell != "no"
            note = re.sub(rf"^{FORMATS[form]}: '\w+': ", "", note)
            notes += [f"- `{name}`, {FORMATS[form]}: {note}"] if note else []
            cells.append(cell)
        print(f"{number:3} {name}: {', '.join(cells)} ({time.time() - start:.1f} s)", flush=True)
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    total = len(NETWORKS)
    sums = ", ".join(f"{FORMATS[form]} {count}" for form, count in counts.items())
    lines = [
        TABLE,
        "",
        f"Of {total} networks: {sums}. Each file was compared with its model at two batch sizes.",
        '"sizes": with numbers for the axes behind the batch, by `input_signature`.',
        "",
        f"| network | {' | '.join(FORMATS.values())} |",
        f"|---|{'---|' * len(FORMATS)}",
        *rows,
        "",
        "What is in the way, and what to do:",
        "",
        *(notes or ["- nothing"]),
        "",
    ]
    return "\n".join(lines)


def _outcome(make: Any, form: str) -> tuple[str, str]:
    """A cell of the table, and a note where something is in the way."""
    from jkeras.export.formats import export
    from jkeras.export.inference import BATCH
    from jkeras.trainer.files.exporting import inference_of

    state = make()._trainer_parts.state
    inference = inference_of(state)
    error = _error(lambda path: export(inference, path, form))
    if error is None:
        return "yes", ""
    sizes = {axis: 8 for axis in inference.open_axes if axis != BATCH}
    if sizes:
        names = {BATCH: BATCH, **sizes}
        signature = [tuple(names.get(n, n) for n in spec.shape) for spec in inference.inputs]
        if _error(lambda path: export(inference_of(state, signature), path, form)) is None:
            return "sizes", error
    return "no", error


def _error(write: Any) -> str | None:
    """What stands in the way of a file; None if nothing does."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        try:
            write(Path(folder) / "model")
        except Exception as error:  # of any library that writes or runs: the table tells it
            return " ".join(str(error).split())
    return None


def known_table() -> str:
    """The table of the page as it is."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return text[text.index(TABLE) :] if TABLE in text else f"{TABLE}\n\nNot yet known.\n"


def main() -> None:
    """Writes deploy.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", action="store_true", help="keep the table as it is")
    options = parser.parse_args()
    warnings.simplefilter("error")
    table = known_table() if options.text else table_of_networks()
    PAGE.write_text(page(table), encoding="utf-8")
    print("wrote deploy.md")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    main()
