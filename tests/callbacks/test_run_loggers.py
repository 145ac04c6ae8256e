"""Loggers of runs, with their real packages and without a network: what they keep is read back."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest

import jkeras
from jkeras.callbacks import Callback, CallbackList, LambdaCallback, MLflowLogger, WandbLogger
from jkeras.callbacks.hyperparameters import flat, hyperparameters
from tests.callbacks.conftest import RUN, X, Y

HYPER = {
    "batch_size": 2,
    "epochs": 2,
    "steps_per_epoch": 3,
    "parameters": 3,
    "optimizer/name": "SGD",
    "optimizer/momentum": 0.5,
    "optimizer/use_ema": True,
}


class Fails(Callback):
    """Raises after the first epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise RuntimeError("out of ideas")


class Interrupts(Callback):
    """Presses Ctrl-C in the second epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_hyper_parameters_are_flat(model: jkeras.Sequential) -> None:
    callback = Callback()
    callback.set_model(model)
    callback.set_params({"epochs": 2, "steps": 3})
    found = hyperparameters(callback, {"batch_size": 2})
    assert found | HYPER == found
    assert all(isinstance(value, bool | int | float | str) for value in found.values())
    assert flat({"a": {"b": np.float32(0.5), "c": None}, "d": (1, 2)}) == {
        "a/b": 0.5,
        "d": "(1, 2)",
    }


def test_an_optimizer_of_optax_has_a_name_alone() -> None:
    made = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    made.compile(optax.sgd(0.1), "mse")
    callback = Callback()
    callback.set_model(made)
    found = hyperparameters(callback, {})
    assert [name for name in found if name.startswith("optimizer")] == ["optimizer/name"]


# -- Weights & Biases

needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb, which is optional, is not installed"
)


@pytest.fixture
def wandb_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No network, nothing of the user's, and no process that stays."""
    for name, value in {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_DIR": str(tmp_path),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_DATA_DIR": str(tmp_path / "data"),
        "WANDB_DISABLE_GIT": "true",
        "WANDB_DISABLE_CODE": "true",
        "WANDB__DISABLE_STATS": "true",
        "WANDB_CONSOLE": "off",
    }.items():
        monkeypatch.setenv(name, value)
    yield
    import wandb

    wandb.teardown()


def records(folder: Path) -> list[Any]:
    """What one run of wandb wrote: records of protobuf in blocks of 32 kB, as LevelDB's logs."""
    import wandb

    wandb.teardown()  # its process writes a little longer than `finish` waits
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    data, at, found, part = path.read_bytes(), 7, [], b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            found.append(Record.FromString(part))
            part = b""
    return found


def history(folder: Path) -> list[dict[str, Any]]:
    """The rows that a run of wandb logged, without its own columns."""
    rows = []
    for record in records(folder):
        if record.WhichOneof("record_type") == "history":
            items = [("/".join(i.nested_key) or i.key, i.value_json) for i in record.history.item]
            rows.append({k: json.loads(v) for k, v in items if not k.startswith("_")})
    return rows


def config(folder: Path) -> dict[str, Any]:
    """The hyper-parameters of a run of wandb."""
    found: dict[str, Any] = {}
    for record in records(folder):
        updates = []
        if record.WhichOneof("record_type") == "run":
            updates = list(record.run.config.update)
        elif record.WhichOneof("record_type") == "config":
            updates = list(record.config.update)
        found |= {u.key or "/".join(u.nested_key): json.loads(u.value_json) for u in updates}
    return found


def exit_code(folder: Path) -> int:
    """The number with which a run of wandb ended."""
    (code,) = [
        record.exit.exit_code for record in records(folder)
        if record.WhichOneof("record_type") == "exit"
    ]  # fmt: skip
    return int(code)


@needs_wandb
def test_wandb_has_the_run(model: jkeras.Sequential, tmp_path: Path, wandb_settings: None) -> None:
    import wandb

    logger = WandbLogger("tests", "first", {"note": {"of": "mine"}}, dir=tmp_path, log_every=1)
    assert not CallbackList([logger]).watches_batches("train")
    made = model.fit(**RUN, epochs=2, validation_data=(X, Y), callbacks=[logger])
    assert wandb.run is None
    rows = history(tmp_path)
    epochs = [row for row in rows if "epoch/epoch" in row]
    assert [row["epoch/epoch"] for row in epochs] == [0, 1]
    for name in ("loss", "val_loss"):
        assert [row[f"epoch/{name}"] for row in epochs] == made.history[name]
    assert [row["epoch/learning_rate"] for row in epochs] == pytest.approx([0.1, 0.1])
    steps = [row["batch/batch_step"] for row in rows if "batch/batch_step" in row]
    assert steps[-1] == 6 and steps == sorted(set(steps))
    found = config(tmp_path)
    assert found | HYPER == found and found["note/of"] == "mine"
    assert exit_code(tmp_path) == 0
    model.fit(**RUN, callbacks=[WandbLogger(mode="disabled")])


@needs_wandb
def test_a_run_of_wandb_fails_with_fit(
    model: jkeras.Sequential, tmp_path: Path, wandb_settings: None
) -> None:
    import wandb

    with pytest.raises(RuntimeError, match="out of ideas"):
        model.fit(**RUN, epochs=2, callbacks=[WandbLogger(dir=tmp_path), Fails()])
    assert wandb.run is None and exit_code(tmp_path) == 1


@needs_wandb
def test_a_run_of_the_user_s_is_used_and_left_open(
    model: jkeras.Sequential, tmp_path: Path, wandb_settings: None
) -> None:
    import wandb

    run = wandb.init(dir=tmp_path, config={"batch_size": 99})
    logger = WandbLogger(save_model=True)
    model.fit(**RUN, callbacks=[logger])
    with pytest.raises(RuntimeError, match="out of ideas"):
        model.fit(**RUN, callbacks=[logger, Fails()])
    assert wandb.run is run and run.config["batch_size"] == 2
    run.log({"mine": 1})
    run.finish()
    rows = history(tmp_path)
    assert len([row for row in rows if "epoch/epoch" in row]) == 2 and rows[-1] == {"mine": 1}
    kinds = [record.WhichOneof("record_type") for record in records(tmp_path)]
    assert "artifact" in kinds


# -- MLflow

needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow, which is optional, is not installed"
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of MLflow: files, since its databases need packages that mlflow-skinny leaves out."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return (tmp_path / "mlruns").as_uri()


def runs_of(store: str, experiment: str) -> list[Any]:
    """The runs of an experiment, the first one first."""
    import mlflow

    client = mlflow.MlflowClient(store)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id])
    return sorted(runs, key=lambda run: run.info.start_time)


def metric(store: str, run: Any, name: str) -> list[tuple[int, float]]:
    """The steps and values of a metric."""
    import mlflow

    found = mlflow.MlflowClient(store).get_metric_history(run.info.run_id, name)
    return sorted((entry.step, entry.value) for entry in found)


@needs_mlflow
def test_mlflow_has_the_run(model: jkeras.Sequential, store: str) -> None:
    import mlflow

    logger = MLflowLogger(
        "tests", "first", store, config={"note": {"of": "mine"}}, log_every=1, save_model=True
    )
    assert not CallbackList([logger]).watches_batches("train")
    made = model.fit(**RUN, epochs=2, validation_data=(X, Y), callbacks=[logger])
    assert mlflow.active_run() is None
    (run,) = runs_of(store, "tests")
    assert (run.info.status, run.info.run_name) == ("FINISHED", "first")
    for name in ("loss", "val_loss"):
        assert metric(store, run, name) == list(enumerate(made.history[name]))
    assert [value for _, value in metric(store, run, "learning_rate")] == pytest.approx([0.1, 0.1])
    steps = [step for step, _ in metric(store, run, "batch/loss")]
    assert steps[-1] == 6 and steps == sorted(set(steps))
    wanted = {name: str(value) for name, value in HYPER.items()} | {"note/of": "mine"}
    assert run.data.params | wanted == run.data.params
    (artifact,) = mlflow.MlflowClient(store).list_artifacts(run.info.run_id, "model")
    assert artifact.path == f"model/{model.name}.keras"


@needs_mlflow
def test_the_end_of_a_run_is_its_status(
    model: jkeras.Sequential, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = MLflowLogger(tracking_uri=store)
    with pytest.raises(RuntimeError, match="out of ideas"):
        model.fit(**RUN, epochs=2, callbacks=[logger, Fails()])
    model.fit(**RUN, epochs=3, callbacks=[logger, Interrupts()])
    model.fit(**RUN, epochs=1, callbacks=[logger])
    assert [run.info.status for run in runs_of(store, "Default")] == [
        "FAILED",
        "KILLED",
        "FINISHED",
    ]
    assert "Interrupted" in capsys.readouterr().out


@needs_mlflow
def test_an_active_run_of_mlflow_is_used_and_left_open(
    model: jkeras.Sequential, store: str
) -> None:
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store)
    try:
        with mlflow.start_run() as active:
            model.fit(**RUN, callbacks=[MLflowLogger()])
            model.fit(**RUN, epochs=3, callbacks=[MLflowLogger()])  # other values of parameters
            assert mlflow.active_run().info.run_id == active.info.run_id
        (run,) = runs_of(store, "Default")
        assert run.info.run_id == active.info.run_id and run.info.status == "FINISHED"
        assert run.data.params["epochs"] == "1"
        assert [step for step, _ in metric(store, run, "loss")] == [0, 0, 1, 2]
    finally:
        mlflow.set_tracking_uri(before)


@needs_mlflow
def test_a_database_without_its_packages_is_told_what_to_install(
    model: jkeras.Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def without_alembic(uri: str) -> None:
        raise ModuleNotFoundError(f"No module named 'alembic' for {uri}", name="alembic")

    monkeypatch.setattr(mlflow, "MlflowClient", without_alembic)
    with pytest.raises(ImportError) as caught:
        model.fit(**RUN, callbacks=[MLflowLogger(tracking_uri=f"sqlite:///{tmp_path}/m.db")])
    assert str(caught.value) == (
        "MLflowLogger: this store needs alembic, which does not come with mlflow-skinny: "
        "pip install alembic sqlalchemy"
    )


@needs_mlflow
def test_a_database_has_the_run(model: jkeras.Sequential, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/m.db"
    made = model.fit(**RUN, epochs=2, callbacks=[MLflowLogger("tests", tracking_uri=uri)])
    (run,) = runs_of(uri, "tests")
    assert metric(uri, run, "loss") == list(enumerate(made.history["loss"]))


# -- what it costs


class Quiet(MLflowLogger):
    """Counts what it is told, without a store."""

    def open_run(self, values: dict[str, Any]) -> None:
        self.told: list[tuple[str, int]] = []

    def report(self, kind: Any, number: int, logs: dict[str, float]) -> None:
        self.told.append((kind, number))

    def close_run(self, outcome: Any) -> None:
        self.outcome = outcome


@needs_mlflow
def test_steps_are_dispatched_together_with_step_logs() -> None:
    x = np.ones((4096, 2), np.float32)
    made = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    made.compile("sgd", "mse")
    made.fit(x, x[:, :1], batch_size=2, verbose=0)  # the pace is found
    logger = Quiet(log_every=1)
    dispatches: list[int] = []
    counting = LambdaCallback(on_train_batch_end=lambda batch, logs: dispatches.append(batch))
    counting.async_safe = True
    made.fit(x, x[:, :1], batch_size=2, epochs=2, verbose=0, callbacks=[logger, counting])
    told = [number for kind, number in logger.told if kind == "batch"]
    assert len(told) == len(dispatches) < 2048
    assert told[-1] == 4096 and logger.outcome == "finished"
    assert [number for kind, number in logger.told if kind == "epoch"] == [0, 1]
    sparse = Quiet(log_every=3000)
    made.fit(x, x[:, :1], batch_size=2, epochs=3, verbose=0, callbacks=[sparse])
    steps = [0, *(number for kind, number in sparse.told if kind == "batch")]
    assert len(steps) > 1 and min(np.diff(steps)) >= 3000
