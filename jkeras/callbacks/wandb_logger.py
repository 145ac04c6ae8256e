"""`WandbLogger`: runs of `fit` at Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from jkeras.callbacks.run_logger import Outcome, RunLogger, checked_text
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest
from jkeras.core.packages import need_package

MODES = ("online", "offline", "disabled", "shared")


class WandbLogger(RunLogger):
    """Reports a run to Weights & Biases: the logs and the learning rate of every epoch, the
    optimizer's arguments, the sizes of the run and of the model.

    A run of `wandb.init` that is open is reported to and stays open; else the callback opens one,
    and finishes it with `fit`, also where that raises: then the run counts as failed. The names are
    those of wandb's callback for Keras, `epoch/loss` over `epoch/epoch`.

    Args:
      project: the project's name; wandb's own choice when left out.
      name: the run's name; wandb's own choice when left out.
      config: more hyper-parameters; nested dicts are flattened.
      dir: the folder for wandb's files.
      mode: "online", "offline", "disabled" or "shared"; that of wandb's settings when left out.
      log_every: "epoch", or also `batch/loss` over `batch/batch_step`, the logs of the epoch so far
        after every so many steps: at most once for each dispatch of many steps, so that training is
        not slowed down.
      save_model: also keep the trained model, as an artifact.
      options: more arguments of `wandb.init`, such as `{"tags": ["first"]}`.

    Raises:
      ImportError: wandb is not installed.
      TypeError, ValueError: an argument has a wrong type or value.

    Source: `wandb.integration.keras.WandbMetricsLogger`, which needs TensorFlow.
    """

    @named_arguments
    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        dir: str | os.PathLike[str] | None = None,
        mode: str | None = None,
        log_every: int | Literal["epoch"] = "epoch",
        save_model: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        need_package("wandb", "WandbLogger", "wandb")
        super().__init__(config, log_every, save_model)
        checked_text("WandbLogger", project=project, name=name)
        if mode is not None and mode not in MODES:
            hint = nearest(mode, MODES) if isinstance(mode, str) else ""
            raise ValueError(
                f"WandbLogger: `mode`: expected one of {list(MODES)}, got {mode!r}.{hint}"
            )
        if options is not None and not isinstance(options, Mapping):
            raise WrongTypeError(
                f"WandbLogger: `options`: expected a dict of arguments of wandb.init, got "
                f"{describe(options)}."
            )
        self.project = project
        self.name = name
        self.dir = None if dir is None else os.fspath(dir)
        self.mode = mode
        self.options = dict(options or {})
        self._run: Any = None
        self._is_ours = False

    def open_run(self, values: dict[str, Any]) -> None:
        import wandb

        self._is_ours = wandb.run is None
        if self._is_ours:
            given = {"project": self.project, "name": self.name, "dir": self.dir, "mode": self.mode}
            self._run = wandb.init(**given, config=values, **self.options)
        else:
            self._run = wandb.run
            self._run.config.update(values, allow_val_change=True)
        for kind, counter in (("epoch", "epoch/epoch"), ("batch", "batch/batch_step")):
            self._run.define_metric(counter)
            self._run.define_metric(f"{kind}/*", step_metric=counter)

    def report(self, kind: Literal["epoch", "batch"], number: int, logs: dict[str, float]) -> None:
        counter = "epoch/epoch" if kind == "epoch" else "batch/batch_step"
        self._run.log({counter: number} | {f"{kind}/{name}": logs[name] for name in logs})

    def report_model(self, path: str) -> None:
        import wandb

        artifact = wandb.Artifact(f"{self.model.name}-{self._run.id}", type="model")
        artifact.add_file(path)
        self._run.log_artifact(artifact)

    def close_run(self, outcome: Outcome) -> None:
        run, self._run = self._run, None
        if outcome == "interrupted":
            run.summary["interrupted"] = True
        if self._is_ours:
            run.finish(exit_code=1 if outcome == "failed" else 0)
