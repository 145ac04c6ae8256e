"""A run that goes on from a snapshot ends with the bits of one that was never interrupted."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import jkeras
from jkeras import callbacks, layers
from jkeras.saving import runs
from jkeras.saving.checkpoint_file import write_checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(44, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 44)
EPOCHS = 4
PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
STEPS = 5  # of 8 and, the last one, of 3 examples


class Loader:
    """Batches in an order that it shuffles anew for each pass, by a generator of its own."""

    def __init__(self, size: int = 8) -> None:
        self.rng = np.random.default_rng(2)
        self.size = size

    def __iter__(self) -> Iterator[Any]:
        order = self.rng.permutation(35)
        parts = np.split(order, range(self.size, 35, self.size))
        yield from ((X[rows], Y[rows]) for rows in parts)


class Numbered(jkeras.utils.PyDataset):
    """Six batches by number, shuffled where a pass ends."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(4)
        self.order = np.arange(36)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        rows = self.order[6 * index : 6 * index + 6]
        return X[rows], Y[rows]

    def on_epoch_end(self) -> None:
        self.rng.shuffle(self.order)


def endless() -> Iterator[Any]:
    """A generator that is read once."""
    rng = np.random.default_rng(3)
    while True:
        rows = rng.integers(0, 35, 8)
        yield X[rows], Y[rows]


class Reshuffled:
    """An order that NumPy's own generator, which training and validation share, shuffles on."""

    def __init__(self, length: int) -> None:
        self.order = np.arange(8 * length)

    def __iter__(self) -> Iterator[Any]:
        np.random.shuffle(self.order)
        yield from ((X[rows], Y[rows]) for rows in self.order.reshape(-1, 8))


def reshuffled() -> dict[str, Any]:
    np.random.seed(5)
    return {"x": Reshuffled(STEPS), "validation_data": Reshuffled(2), "validation_freq": [1, 3]}


def reshuffled_parts() -> dict[str, Any]:
    return {**reshuffled(), "x": Reshuffled(4), "steps_per_epoch": 2}


def shuffled() -> jkeras.utils.datasets.Dataset:
    return jkeras.utils.datasets.from_arrays((X[:35], Y[:35])).shuffle(seed=3).batch(8)


HELD_OUT = (X[35:], Y[35:])
DATA = {
    "arrays": lambda: {"x": X[:35], "y": Y[:35], "batch_size": 8, "validation_data": HELD_OUT},
    "part": lambda: {"x": X[:40], "y": Y[:40], "batch_size": 4, "steps_per_epoch": STEPS},
    "loader": lambda: {"x": Loader(), "validation_data": HELD_OUT},
    "part of a loader": lambda: {"x": Loader(6), "steps_per_epoch": 3},
    "part of a PyDataset": lambda: {"x": Numbered(), "steps_per_epoch": 2},
    "part of a list": lambda: {"x": list(Loader(6)), "steps_per_epoch": 3},
    "generator": lambda: {
        "x": endless(),
        "steps_per_epoch": STEPS,
        "validation_data": endless(),
        "validation_steps": 2,
    },
    "NumPy's generator": reshuffled,
    "part, NumPy's generator": reshuffled_parts,
    "dataset": lambda: {"x": shuffled()},
}


class Cut(callbacks.Callback):
    """Takes a snapshot after a step, and ends the run with an error two steps later."""

    boundaries = 1

    def __init__(self, step: int) -> None:
        self.step = step
        self.seen = 0
        self.taken: Any = None

    def on_boundary(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen == self.step:
            self.taken = self.model.snapshot()
        if self.seen == self.step + 2:
            raise RuntimeError("power cut")


class Seen(callbacks.Callback):
    """Remembers things of many kinds, and has dispatches end after so many steps."""

    def __init__(self, left: int, every: int) -> None:
        self.left = left
        self.boundaries = every
        self.losses: dict[int, float] = {}
        self.rng = np.random.default_rng(1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.left -= 1
        self.losses[epoch] = logs["loss"] + self.rng.normal()


def network(engine: str) -> jkeras.Sequential:
    stack = [
        layers.Dense(4, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.4),
        layers.Dense(3, activation="softmax"),
    ]
    model = jkeras.Sequential([layers.Input((5,)), *stack], seed=1)
    rule = jkeras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9)
    model.compile(rule, "sparse_categorical_crossentropy", metrics=["accuracy"], engine=engine)
    model.build()
    return model


@pytest.fixture(scope="module", params=["auto", "streaming"], ids=["resident", "host"])
def compiled(request: pytest.FixtureRequest) -> tuple[jkeras.Sequential, Any]:
    """A model for the same data on the device or on the host, and its values before training."""
    model = network(request.param)
    return model, model.train_state


def used(every: int = 1) -> list[Any]:
    """Callbacks that remember something."""
    return [
        Seen(9, every),
        callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss", patience=1, cooldown=1, factor=0.5),
    ]


def ended(model: Any, history: Any, listed: list[Any]) -> tuple[Any, ...]:
    """Everything that a run ended with."""
    values = model.snapshot()["values"]
    states = [callback.get_state() for callback in listed]
    arrays = {name: array.tobytes() for name, array in values.items()}
    kept = [weight.tobytes() for weight in states[1].pop("best_weights")]
    return arrays, history.epoch, history.history, states, kept


@pytest.fixture(scope="module")
def expected(compiled: tuple[Any, Any]) -> dict[str, Any]:
    """How runs end that nobody interrupts, for each kind of data."""
    model, start = compiled
    found = {}
    for kind in DATA:
        model.train_state, listed = start, used(7)
        history = model.fit(**DATA[kind](), epochs=EPOCHS, callbacks=listed, verbose=0)
        found[kind] = ended(model, history, listed)
    return found


@hypothesis.settings(max_examples=14, deadline=None, derandomize=True, database=None, phases=PHASES)
@hypothesis.given(
    kind=st.sampled_from(list(DATA)), step=st.integers(1, 18), every=st.integers(1, 6)
)
@hypothesis.example(kind="part of a loader", step=3, every=2)
@hypothesis.example(kind="NumPy's generator", step=16, every=3)
@hypothesis.example(kind="part of a loader", step=10, every=3)
@hypothesis.example(kind="part of a PyDataset", step=3, every=1)
@hypothesis.example(kind="part of a PyDataset", step=6, every=2)
@hypothesis.example(kind="part of a list", step=5, every=3)
@hypothesis.example(kind="part, NumPy's generator", step=5, every=1)
@hypothesis.example(kind="part, NumPy's generator", step=4, every=2)
def test_it_ends_with_the_same_bits(
    kind: str, step: int, every: int, compiled: tuple[Any, Any], expected: dict[str, Any]
) -> None:
    model, start = compiled
    model.train_state, data = start, DATA[kind]()
    cut = Cut(min(step, data.get("steps_per_epoch", STEPS) * EPOCHS - 2))
    with pytest.raises(RuntimeError, match=r"^power cut"):
        model.fit(**data, epochs=EPOCHS, callbacks=[cut, *used()], verbose=0)
    model.train_state = start.replace(key=jax.random.key(9))  # as in a process without a seed
    again, data = used(every), data if kind == "dataset" else DATA[kind]()
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(f"{folder}/run", cut.taken)
        run: dict[str, Any] = {"resume_from": f"{folder}/run", "verbose": 0}
        history = model.fit(**data, epochs=EPOCHS, callbacks=again, **run)
    assert ended(model, history, again) == expected[kind]


@pytest.mark.filterwarnings("ignore:fit. the data ended after 2 of 3 batches:UserWarning")
@pytest.mark.parametrize("step", [2, 4, 5, 6])
def test_it_goes_on_in_passes_whose_last_epoch_is_shorter(
    step: int, compiled: tuple[Any, Any]
) -> None:
    """Epochs of 3, 2, 3 and 2 steps."""
    model, start = compiled
    model.train_state, whole = start, used()
    data: dict[str, Any] = {"steps_per_epoch": 3, "epochs": EPOCHS, "verbose": 0}
    expected = ended(model, model.fit(Loader(), callbacks=whole, **data), whole)
    model.train_state, cut = start, Cut(step)
    with pytest.raises(RuntimeError, match=r"^power cut"):
        model.fit(Loader(), callbacks=[cut, *used()], **data)
    model.train_state, again = start, used()
    history = model.fit(Loader(), callbacks=again, resume_from=cut.taken, **data)
    assert ended(model, history, again) == expected


def test_a_snapshot_between_epochs_and_one_of_no_run(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    model.train_state = start
    taken = []
    save = callbacks.Callback()
    save.on_pause = lambda reason: taken.append(model.snapshot())  # type: ignore[method-assign]
    model.fit(**DATA["arrays"](), epochs=2, callbacks=[save], verbose=0)
    assert [found["run"]["epoch"] for found in taken] == [1, 2]
    end = model.snapshot()
    history = model.fit(**DATA["arrays"](), epochs=2, resume_from=taken[1], verbose=0)
    assert history.epoch == [0, 1] and end["run"] is None
    assert same(model.snapshot(), end)
    model.train_state = start
    history = model.fit(**DATA["arrays"](), epochs=1, resume_from=end, verbose=0)
    assert history.epoch == [0] and int(model.train_state.epoch) == 3  # its values, a new run


def test_what_callbacks_froze_stays_frozen() -> None:
    model = network("auto")
    start, ends = model.snapshot(), []
    freeze = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.freeze("dense") if epoch == 1 else None
    )
    run: dict[str, Any] = {**DATA["arrays"](), "verbose": 0}
    for step in (20, 1, 7):
        model.fit(**run, epochs=0, resume_from=start)
        assert not model.snapshot()["frozen"]["layers"]
        cut = Cut(step)
        with pytest.raises(RuntimeError) if step < 20 else contextlib.nullcontext():
            model.fit(**run, epochs=3, callbacks=[freeze, cut])
        if step < 20:
            model.fit(**run, epochs=0, resume_from=start)
            # Behind the epoch that begins with freezing, nobody freezes any more.
            used = [freeze] if step == 1 else []
            model.fit(**run, epochs=3, resume_from=cut.taken, callbacks=used)
        ends.append(model.snapshot())
    assert same(ends[0], ends[1]) and same(ends[0], ends[2])
    assert [end["frozen"]["layers"] for end in ends] == [["dense"]] * 3


def test_ctrl_c_in_a_fit_inside_a_fit_ends_both(
    compiled: tuple[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = compiled
    press = callbacks.LambdaCallback(on_epoch_end=lambda *_: signal.raise_signal(signal.SIGINT))
    run: dict[str, Any] = {**DATA["arrays"](), "epochs": 2, "verbose": 0}
    inner = callbacks.LambdaCallback(on_epoch_end=lambda *_: model.fit(**run, callbacks=[press]))
    history = model.fit(**run, callbacks=[inner])
    assert history.interrupted and history.epoch == [0]


def same(one: Any, other: Any) -> bool:
    return {n: a.tobytes() for n, a in one["values"].items()} == {
        n: a.tobytes() for n, a in other["values"].items()
    }


def test_early_stopping_ends_the_run_that_goes_on_too(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    model.train_state = start
    taken = []
    save = callbacks.Callback()
    save.on_pause = lambda reason: taken.append(model.snapshot())  # type: ignore[method-assign]
    stop = callbacks.EarlyStopping("loss", patience=0, baseline=0.0)
    run = {**DATA["arrays"](), "epochs": 9, "verbose": 0}
    epochs = model.fit(**run, callbacks=[save, stop]).epoch
    again = callbacks.EarlyStopping("loss", patience=0, baseline=0.0)
    history = model.fit(**run, callbacks=[again], resume_from=taken[-1])
    assert history.epoch == epochs and len(epochs) < 9


def test_an_interrupted_run_goes_on(
    compiled: tuple[Any, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, start = compiled
    model.train_state = start
    run = {**DATA["arrays"](), "epochs": 3, "verbose": 0}
    expected = model.fit(**run).history, model.snapshot()

    class Press(callbacks.Callback):
        """Ctrl-C in the middle of an epoch, or of a validation."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                signal.raise_signal(signal.SIGINT)

        def on_test_begin(self, logs: Any = None) -> None:
            signal.raise_signal(signal.SIGINT)

    for _ in range(2):  # the second time it goes on, and is interrupted in the validation
        model.train_state = start
        backup = callbacks.BackupAndRestore(tmp_path)
        assert model.fit(**run, callbacks=[backup, Press()]).interrupted
    model.train_state = start
    history = model.fit(**run, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert history.history == expected[0] and same(model.snapshot(), expected[1])
    assert not history.interrupted


REFUSED = {
    "type": (3, TypeError, "fit: `resume_from`: expected the path of a checkpoint, or what "
             "`model.snapshot()` returned, got 3 (int)."),
    "missing": ("none.safetensors", FileNotFoundError,
                "none.safetensors: there is no such file."),
    "weights": ("a.weights.h5", ValueError,
                "a.weights.h5: expected the state of a run, got a file of a model. Take its "
                "weights with model.load_weights('a.weights.h5'), and fit a new run."),
    "newer": ({"format": "jkeras-run-9"}, ValueError,
              "fit: `resume_from`: expected the state of a run (jkeras-run-1), got "
              "'jkeras-run-9'. Another version of jkeras wrote it: go on with that one."),
    "part": ({"format": "jkeras-run-1"}, ValueError,
             "fit: `resume_from`: expected the state of a run, and its 'values' is damaged."),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_run_is_refused(case: str, compiled: tuple[Any, Any]) -> None:
    given, kind, message = REFUSED[case]
    with pytest.raises(kind) as error:
        compiled[0].fit(**DATA["arrays"](), resume_from=given, verbose=0)
    assert str(error.value) == message


def test_other_batches_and_another_model_are_refused(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    model.train_state = start
    cut = Cut(3)
    with pytest.raises(RuntimeError):
        model.fit(**DATA["arrays"](), epochs=2, callbacks=[cut], verbose=0)
    before = model.snapshot()
    run = {**DATA["arrays"](), "batch_size": 5}
    with pytest.raises(ValueError) as error:
        model.fit(**run, epochs=2, resume_from=cut.taken, verbose=0)
    assert str(error.value) == (
        "Sequential 'sequential': the run was interrupted in epoch 1, after 3 steps, and its "
        "batches have to be the same now: expected batch_size 8, got 5."
    )
    assert same(model.snapshot(), before)
    with pytest.raises(ValueError) as error:
        model.fit(**DATA["arrays"](), epochs=0, resume_from=cut.taken, verbose=0)
    assert str(error.value) == (
        "Sequential 'sequential': `epochs`: expected at least 1, because the run to go on with is "
        "in that epoch, got 0. Each call of `fit` needs a folder of its own."
    )
    damaged = {**cut.taken, "values": dict(cut.taken["values"])}
    damaged["values"]["params/dense/bias"] = np.zeros(7, np.float32)
    damaged["frozen"] = {"layers": ["dense"], "held": [], "made_for": []}
    with pytest.raises(ValueError) as error:
        model.fit(**DATA["arrays"](), epochs=2, resume_from=damaged, verbose=0)
    assert str(error.value) == (
        "Sequential 'sequential': the checkpoint is of another model: expected params/dense/bias "
        "of shape (4,) and dtype float32, got (7,) and float32."
    )
    assert same(model.snapshot(), before) and model.snapshot()["frozen"] == before["frozen"]


WRONG = [
    ({"format": "other"}, "expected the state of a run (jkeras-run-1), got something else."),
    ({"run": {"epoch": -1}}, "expected the state of a run, and its 'run' is damaged."),
    ({"callbacks": {}}, "expected the state of a run, and its 'callbacks' is damaged."),
    ({"callbacks": [["A"]]}, "expected the state of a run, and its 'callbacks' is damaged."),
    ({"values": {"a": 1}}, "expected the state of a run, and its 'values' is damaged."),
    ({"frozen": {"layers": [1]}}, "expected the state of a run, and its 'frozen' is damaged."),
    ({"calls": -1}, "expected the state of a run, and its 'calls' is damaged."),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_file_of_another_form_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    right = {"format": runs.FORMAT, "values": {}, "run": None, "callbacks": []}
    write_checkpoint(path, {**right, **change})
    with pytest.raises(ValueError) as error:
        runs.read(path)
    assert str(error.value) == f"{path}: {message}"


SCRIPT = """
import os, signal, sys
import numpy as np
import jkeras

class Terminate(jkeras.callbacks.Callback):
    boundaries = 3
    def on_boundary(self, batch, logs=None):
        os.kill(os.getpid(), signal.SIGTERM)

model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
model.compile("adam", "mse")
folder = sys.argv[1]
listed = [jkeras.callbacks.BackupAndRestore(folder)]
if not os.path.isdir(folder):
    listed.append(Terminate())
x = np.arange(12.0).reshape(12, 1)
history = model.fit(x, x, batch_size=2, epochs=2, callbacks=listed, verbose=0)
print(len(history.epoch), int(model.train_state.step))
"""


def test_sigterm_saves_and_ends_the_process(tmp_path: Path) -> None:
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "backup")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    first = subprocess.run(words, env=env, capture_output=True, text=True)
    assert first.returncode == 128 + signal.SIGTERM, first.stderr
    assert (first.stderr, first.stdout.strip()) == (
        "",
        "Interrupted: training stopped. The model keeps what it has learned so far.",
    )
    assert runs.read(tmp_path / "backup")["run"]["batch"] == 3
    second = subprocess.run(words, env=env, capture_output=True, text=True)
    assert (second.returncode, second.stdout) == (0, "2 12\n"), second.stderr


def test_a_handler_of_the_program_hears_of_sigterm(compiled: tuple[Any, Any]) -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        press = callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: signal.raise_signal(signal.SIGTERM)
        )
        history = compiled[0].fit(**DATA["arrays"](), callbacks=[press], verbose=0)
        now = signal.getsignal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM] and history.interrupted and now is not before


class Kept(callbacks.Callback):
    """Takes a snapshot where a batch ends."""

    def __init__(self) -> None:
        self.taken: Any = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.taken is None and self.model.snapshot()["run"]["epoch"] == 1:
            self.taken = self.model.snapshot()

    def get_state(self) -> dict[str, Any]:
        return {}


def test_a_snapshot_at_the_end_of_a_batch_stands_behind_it(compiled: tuple[Any, Any]) -> None:
    (model, start), found = compiled, []
    keeping = Kept()
    for taken in (None, lambda: keeping.taken):
        model.train_state = start
        listed = [keeping, *used(7)] if taken is None else [Kept(), *used(7)]
        resumed = None if taken is None else taken()
        options = {**DATA["arrays"](), "epochs": EPOCHS, "callbacks": listed, "verbose": 0}
        history = model.fit(**options, resume_from=resumed)
        found.append(ended(model, history, listed[1:]))
    assert keeping.taken["run"]["batch"] == 1
    assert found[0] == found[1]
