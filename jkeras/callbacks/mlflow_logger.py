"""`MLflowLogger`: runs of `fit` in an MLflow store."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Literal

from jkeras.callbacks.run_logger import Outcome, RunLogger, checked_text
from jkeras.core.errors import named_arguments
from jkeras.core.packages import need_package

AT_ONCE = 100
"""The most parameters that a store takes in one call."""
STATUS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class MLflowLogger(RunLogger):
    """Reports a run to an MLflow store: the logs and the learning rate of every epoch, the
    optimizer's arguments, the sizes of the run and of the model.

    A run of `mlflow.start_run` that is open is reported to and stays open; else the callback makes
    one, and ends it with `fit`: as finished, as failed where that raises, as killed after Ctrl-C.
    MLflow's own active run is never set.

    Args:
      experiment: the experiment's name, made if it is missing; that of the variable
        `MLFLOW_EXPERIMENT_NAME`, or "Default", when left out.
      run_name: the run's name; MLflow's own choice when left out.
      tracking_uri: the store, such as "sqlite:///mlflow.db" or "http://localhost:5000"; that of
        `mlflow.set_tracking_uri` when left out.
      config: more hyper-parameters; nested dicts are flattened.
      log_every: "epoch", or also `batch/loss`, the logs of the epoch so far after every so many
        steps: at most once for each dispatch of many steps, so that training is not slowed down.
      save_model: also keep the trained model, among the artifacts.

    Raises:
      ImportError: mlflow is not installed; when training begins: what the store needs is not.
      TypeError, ValueError: an argument has a wrong type or value.
    """

    @named_arguments
    def __init__(
        self,
        experiment: str | None = None,
        run_name: str | None = None,
        tracking_uri: str | os.PathLike[str] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        log_every: int | Literal["epoch"] = "epoch",
        save_model: bool = False,
    ) -> None:
        need_package("mlflow", "MLflowLogger", "mlflow")
        super().__init__(config, log_every, save_model)
        uri = os.fspath(tracking_uri) if isinstance(tracking_uri, os.PathLike) else tracking_uri
        checked_text("MLflowLogger", experiment=experiment, run_name=run_name, tracking_uri=uri)
        self.experiment = experiment
        self.run_name = run_name
        self.tracking_uri = uri
        self._client: Any = None
        self._run_id = ""
        self._is_ours = False

    def open_run(self, values: dict[str, Any]) -> None:
        import mlflow
        from mlflow.entities import Param

        active = mlflow.active_run()
        self._is_ours, known = active is None, {}
        try:
            if active is not None:
                self._client, self._run_id = mlflow.MlflowClient(), active.info.run_id
                known = self._client.get_run(self._run_id).data.params  # which never change
            else:
                self._client = mlflow.MlflowClient(self.tracking_uri)
                run = self._client.create_run(self._experiment_id(), run_name=self.run_name)
                self._run_id = run.info.run_id
        except ModuleNotFoundError as error:
            raise ImportError(
                f"MLflowLogger: this store needs {error.name}, which does not come with "
                "mlflow-skinny: pip install alembic sqlalchemy"
            ) from error
        params = [Param(name, str(value)) for name, value in values.items() if name not in known]
        for start in range(0, len(params), AT_ONCE):
            self._client.log_batch(self._run_id, params=params[start : start + AT_ONCE])

    def report(self, kind: Literal["epoch", "batch"], number: int, logs: dict[str, float]) -> None:
        from mlflow.entities import Metric

        prefix, now = ("" if kind == "epoch" else "batch/"), int(time.time() * 1000)
        metrics = [Metric(f"{prefix}{name}", value, now, number) for name, value in logs.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def report_model(self, path: str) -> None:
        self._client.log_artifact(self._run_id, path, "model")

    def close_run(self, outcome: Outcome) -> None:
        client, self._client = self._client, None
        if self._is_ours:
            client.set_terminated(self._run_id, STATUS[outcome])

    def _experiment_id(self) -> str:
        name = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"
        found = self._client.get_experiment_by_name(name)
        made: str = self._client.create_experiment(name) if found is None else found.experiment_id
        return made
