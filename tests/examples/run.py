"""Runs an example that was written for Keras, under Keras or jkeras, and takes its models on.

An example is a whole program of this folder that imports Keras and nothing of jkeras. It leaves

  result: numbers by name, or lists of them
  saved: models by name, each (model, inputs), (model, inputs, targets) or (model, None)
  go_on: a function of the loaded models by name that trains them and returns numbers, if training
    is not `fit` with the targets
  remark: what Keras does not do, for the page
  step: a function that makes one step of training, for its time, if `fit` does not

`python -m tests.examples.run LIBRARY NAME FOLDER` serves commands on its standard input, one a
line: "write" runs the example and writes its models to FOLDER, "read PATH" opens the files at PATH,
"time" prints the processor seconds of a step. Each answers with a line; `beside_keras.py` gives the
commands.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.scripts.run import changed

HELPERS = {"conftest", "run", "beside_keras"}
EXAMPLES = {
    path.stem: path
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem not in HELPERS
}
SLOW = {
    "captioning", "diffusion", "graph_network", "ids_classifier", "multi_task", "ner",
    "normalizing_flow", "search_loop", "transfer", "transformer_translation", "unet",
}  # fmt: skip
"""Examples that take long to compile: `tests/test_examples.py` leaves them out."""

MISREAD = {"masked_lm"}
"""Examples whose files Keras itself reads otherwise than it wrote them."""

GOLDENS = Path(__file__).parents[1] / "golden" / "examples"
Arrays = dict[str, np.ndarray[Any, Any]]
BATCH = 8


def thinned(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """At most some hundred numbers of an array, evenly spread: what a test compares."""
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // 150)]


class Example:
    """An example that ran.

    Args:
      name: a key of `EXAMPLES`.
      change: whether jkeras takes the place of Keras.
    """

    def __init__(self, name: str, *, change: bool) -> None:
        source = EXAMPLES[name].read_text(encoding="utf-8")
        code = compile(changed(source) if change else source, str(EXAMPLES[name]), "exec")
        self.names: dict[str, Any] = {"__name__": f"example_{name}"}
        exec(code, self.names)
        self.keras: ModuleType = self.names["keras"]
        self.saved: dict[str, tuple[Any, ...]] = self.names.get("saved", {})

    def result(self) -> Arrays:
        """The numbers that the example left."""
        return {name: np.asarray(value) for name, value in self.names["result"].items()}

    def write(self, folder: Path) -> Arrays:
        """Writes the example's models, and returns what they say of their inputs.

        Args:
          folder: gets `NAME.keras` and `NAME.weights.h5` for each model; for a model without
            inputs the weights alone.
        """
        for name, (model, inputs, *_) in self.saved.items():
            model.save_weights(folder / f"{name}.weights.h5")
            if inputs is not None:
                model.save(folder / f"{name}.keras")
        return self.outputs({name: model for name, (model, *_) in self.saved.items()})

    def outputs(self, models: dict[str, Any]) -> Arrays:
        """Predictions of models for the inputs of their names; the weights of those without."""
        made: Arrays = {}
        for name, model in models.items():
            inputs = self.saved[name][1]
            said = model.get_weights() if inputs is None else model.predict(inputs, verbose=0)
            leaves = self.keras.tree.flatten(said)
            made |= {f"{name}/{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        return made

    def read(self, folder: Path) -> Arrays:
        """Opens the files of a folder: what the models say, and how they train on.

        A model without a file of its weights is read as a whole only.

        Returns:
          `whole/…`: outputs of the whole models; `weights/…`: of the example's own models, their
          weights cleared and read; `on/…`: numbers of a training that goes on.
        """
        own = {name: model for name, (model, *_) in self.saved.items()}
        own = {n: m for n, m in own.items() if (folder / f"{n}.weights.h5").exists()}
        for name, model in own.items():
            model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
            model.load_weights(folder / f"{name}.weights.h5")
        made = {f"weights/{name}": value for name, value in self.outputs(own).items()}
        classes = {name: value for name, value in self.names.items() if self._is_own(value)}
        load = self.keras.saving.load_model
        models = {
            name: load(folder / f"{name}.keras", custom_objects=classes)
            for name, (_, inputs, *_) in self.saved.items()
            if inputs is not None
        }
        made |= {f"whole/{name}": value for name, value in self.outputs(models).items()}
        return made | {f"on/{name}": value for name, value in self.goes_on(models).items()}

    def goes_on(self, models: dict[str, Any]) -> Arrays:
        """Trains loaded models a little further; their losses."""
        if "go_on" in self.names:
            return {name: np.asarray(v) for name, v in self.names["go_on"](models).items()}
        made: Arrays = {}
        for name, (_, inputs, *targets) in self.saved.items():
            if targets:
                history = self._fit(models[name], inputs, targets[0], epochs=1)
                made |= {f"{name}/{key}": np.asarray(value) for key, value in history.items()}
        return made

    def seconds(self) -> float:
        """Seconds of processor time of a step of training, the shortest of five measurements
        after a first one; that of all threads, which other processes change little.
        """
        if "step" in self.names:
            repeats, call = 30, self.names["step"]
        else:
            fits = [saved for saved in self.saved.values() if len(saved) > 2]
            if not fits:
                return math.nan
            model, inputs, targets = fits[0]
            rows = len(self.keras.tree.flatten(inputs)[0])
            repeats, steps = 1, 3 * math.ceil(rows / BATCH)
            call = lambda: self._fit(model, inputs, targets, epochs=3)  # noqa: E731
        times = []
        for _ in range(6):
            start = time.process_time()
            for _ in range(repeats):
                call()
            times.append(time.process_time() - start)
        return min(times[1:]) / (repeats if "step" in self.names else steps)

    def _is_own(self, value: Any) -> bool:
        """Whether a value is a class or function of the example itself."""
        module = getattr(value, "__module__", None)
        return callable(value) and module == self.names["__name__"]

    def _fit(self, model: Any, inputs: Any, targets: Any, *, epochs: int) -> dict[str, list[float]]:
        options = {"batch_size": BATCH, "epochs": epochs, "shuffle": False, "verbose": 0}
        return dict(model.fit(inputs, targets, **options).history)


def serve(library: str, name: str, folder: Path) -> None:
    """Answers the commands on the standard input for one example."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what the example prints is no answer
    example: Any = None
    for line in sys.stdin:
        command, *words = line.split(maxsplit=1)
        answer: dict[str, Any] = {}
        try:
            if command == "write":
                example = Example(name, change=library == "jkeras")
                answer["remark"] = example.names.get("remark", "")
                np.savez(folder / "result.npz", **example.result())
                np.savez(folder / "outputs.npz", **example.write(folder))
            elif command == "read":
                path = Path(words[0].strip())
                np.savez(folder / f"read_{path.name}.npz", **example.read(path))
            elif command == "time":
                answer["seconds"] = example.seconds()
        except Exception as error:
            traceback.print_exc()
            answer["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    serve(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
