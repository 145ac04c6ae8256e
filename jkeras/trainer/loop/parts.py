"""`TrainerParts`: the parts of a trainer, which its public methods pass to the loops."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import jax

from jkeras.callbacks import Callback, CallbackList
from jkeras.core.batch import Batch
from jkeras.core.dtype_policy import DTypePolicy
from jkeras.core.freezing import layer_paths
from jkeras.core.pickling import packed, unpacked
from jkeras.core.processes import ALONE, Team
from jkeras.core.tracing import guessing_values
from jkeras.data.arrays import Arrays
from jkeras.data.sources import WHOLE, share_of_process
from jkeras.data.streams import Stream
from jkeras.distribution import Distribution, distribution
from jkeras.distribution.placing import BatchPlaces
from jkeras.distribution.steps import whole
from jkeras.keras_classes.tracking import MODEL_PRIVATE
from jkeras.trainer.compiling.compilation import Compilation, not_compiled
from jkeras.trainer.compiling.plan import Kind, Plans
from jkeras.trainer.compiling.train_steps import TrainSteps
from jkeras.trainer.loop.run import Run
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.preflight.placement import Placed, place
from jkeras.trainer.preflight.prepare import Prepared, prepare
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.steps.loss_steps import LossSteps

PARTS = MODEL_PRIVATE
"""The one attribute under which a trainer keeps everything that is its own."""


class PartsAttribute(property):
    """An attribute of a trainer that lies in its parts.

    Args:
      doc: what it is.
    """

    def __init__(self, doc: str) -> None:
        super().__init__(self._read, self._write, doc=doc)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def _read(self, trainer: object) -> Any:
        return getattr(getattr(trainer, PARTS), self._name)

    def _write(self, trainer: object, value: object) -> None:
        setattr(getattr(trainer, PARTS), self._name, value)


@dataclasses.dataclass
class TrainerParts:
    """What a trainer holds.

    Attributes:
      state: the description and its current values.
      steps: how a step is made, with what `compile` was given.
      plans: what is known about batches of the structures that were there.
      run: where a `fit` stands; None outside of one.
      placed: the data of the last call, and where they lie.
      stop_training, stop_evaluating, stop_predicting: set by callbacks to end it.
      initial_epoch: the first epoch of the run, which callbacks may set.
      eager: whether programs run in Python before `compile`, which says so for later.
      policy: how the layers compute.
      plain: the description without the policy, and the one made of it.
      own_distribution: the devices that the trainer was made for, where `compile` names none.
      views: the views on weights that users have seen.
      given: of a `Sequential` the description, and the layers as the user gave them.
      inferred: of a `Sequential` the layers whose shapes were inferred, and the specs behind them.
    """

    state: ModelState
    steps: TrainSteps
    plans: Plans = dataclasses.field(default_factory=Plans)
    run: Run | None = None
    placed: Placed | None = None
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    initial_epoch: int = 0
    eager: bool = False
    policy: DTypePolicy = dataclasses.field(default_factory=lambda: DTypePolicy("float32"))
    plain: tuple[Any, Any] = (None, None)
    given: tuple[Any, list[Any]] = (None, [])
    inferred: tuple[list[Any], Any] = ([], None)
    own_distribution: Distribution | None = None
    views: dict[tuple[str, ...], Any] = dataclasses.field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the run, the data and the views that were there."""
        return packed(vars(self) | {"run": None, "placed": None, "views": {}})

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))

    @property
    def compilation(self) -> Compilation | None:
        """The arguments of `compile`, resolved; None before."""
        return self.steps.compilation

    @property
    def optimizer(self) -> Any:
        """The description of the optimizer that the model is compiled with; None for none."""
        return None if self.steps.compilation is None else self.steps.compilation.optimizer

    @property
    def distribution(self) -> Distribution | None:
        """The devices that the model runs on: what `compile` was told, else the trainer when it was
        made, else this process; None for one.
        """
        compiled = self.steps.compilation
        of_compile = None if compiled is None else compiled.distribution
        return of_compile or self.own_distribution or distribution()

    @property
    def team(self) -> Team:
        """The processes that compute together."""
        spread = self.distribution
        return ALONE if spread is None else spread.team

    def callbacks_here(self, callbacks: Callback | Iterable[Any] | None) -> list[Any]:
        """The callbacks that this process calls: of several the first one calls all, the others not
        those that write files.
        """
        listed = CallbackList(callbacks).callbacks
        if self.team.is_first:
            return listed
        return [c for c in listed if _is_for_all(c)]

    @property
    def is_eager(self) -> bool:
        """Whether programs run in Python, as `run_eagerly` says."""
        compiled = self.steps.compilation
        return self.eager if compiled is None else compiled.eager

    def loading(self, batch_size: int | None) -> dict[str, Any]:
        """The arguments of `data_arguments.load` that follow from the model, with a batch size for
        data of single examples.
        """
        splits = type(self.steps) is LossSteps  # other steps get batches as the data yield them
        reads_part = not getattr(self.distribution, "auto_shard_dataset", True)
        share = share_of_process() if reads_part else WHOLE
        return {"net": self.state.net, "splits": splits, "batch_size": batch_size, "share": share}

    def need_compilation(self, wanted: str) -> Compilation:
        """The arguments of `compile`, resolved.

        Raises:
          ValueError: nothing yet; `wanted` is what needs it.
        """
        compiled = self.steps.compilation
        if compiled is None:
            raise not_compiled(self.state.who, wanted)
        return compiled

    def change_compilation(self, compilation: Compilation) -> None:
        """Takes another compilation that leaves the optimizer's state as it is."""
        self.steps.compilation = compilation
        self.plans.clear()
        self.state.output_specs = (0, {})

    def recompile(self, compilation: Compilation) -> None:
        """Takes another compilation: weights stay, the optimizer restarts.

        Raises:
          ValueError: the compilation does not fit the steps; the one before stays.
        """
        self.steps.check_compilation(self.state, compilation)
        self.state.optimizer_met_data = False
        self.restart_optimizer(compilation)

    def restart_optimizer(self, compilation: Compilation) -> None:
        """Takes another compilation, and restarts the optimizer's state."""
        self.change_compilation(compilation)
        values = self.state.values
        if values is not None:
            self.state.values = self.steps.recompiled(self.state, values)
            self.state.mark_synced()

    @contextlib.contextmanager
    def mode(self) -> Iterator[None]:
        """How programs run while the context is entered: in Python, where `run_eagerly` says so;
        and together with other processes, where there are some.
        """
        without_jit = jax.disable_jit() if self.is_eager else contextlib.nullcontext()
        with guessing_values(self.is_eager), without_jit:
            if (team := self.team).several:
                with team.running(self.state.who):
                    yield
            else:
                yield

    @contextlib.contextmanager
    def running(self, run: Run, data: Data) -> Iterator[None]:
        """While the context is entered, `snapshot` knows where the run stands; then the callbacks
        hear that `fit` is left, and the data are let go of.
        """
        around, self.run = self.run, run
        self.state.fits += 1
        try:
            yield
        finally:
            self.state.fits -= 1
            self.run = around  # that of a `fit` one of whose callbacks has called this one
            if isinstance(data, Stream):
                data.close()  # in the middle of a pass, perhaps
            run.callbacks.leave()

    def prepare(
        self,
        who: str,
        data: Data,
        batch_size: int | None = None,
        *,
        kind: Kind,
        is_batch: bool = False,
    ) -> Prepared:
        """The data as the model takes them, and the plan for them; see `preflight.prepare`."""
        with guessing_values(self.is_eager):
            found = prepare(
                who,
                self.state,
                self.steps,
                self.plans,
                data,
                batch_size,
                self.distribution,
                kind=kind,
                is_batch=is_batch,
            )
        if kind != "predict":
            self.state.optimizer_met_data = True
        return found

    def place_batch(self, data: Data) -> Batch:
        """The arrays of one batch, which the program that takes them puts on the device; where no
        program runs, they are put there now, and also where several processes run it.
        """
        assert isinstance(data, Arrays), "one batch is no stream"
        self.placed = Placed(data, "resident", "one batch")
        spread = self.distribution
        if spread is not None and spread.team.several:
            return BatchPlaces(spread).put_batch(data.batch)
        return jax.device_put(data.batch) if self.is_eager else data.batch

    def place(self, who: str, data: Data) -> Data:
        """The data on the device, if they fit beside the model, else where they are."""
        spread = self.distribution
        sharding = None if spread is None else whole(spread)
        self.placed = place(
            data, self.need_compilation(who).engine, sharding, is_eager=self.is_eager
        )
        return self.placed.data


def _is_for_all(callback: object) -> bool:
    writes = getattr(callback, "writes_files", False)
    return not writes or getattr(callback, "on_all_processes", False)


def parts_of(trainer: object) -> TrainerParts:
    """The parts of a trainer, for code outside of the trainer."""
    parts: TrainerParts = vars(trainer)[PARTS]
    return parts


def pickled_parts(trainer: object) -> Iterator[tuple[str, Any]]:
    """What a pickle of a trainer is made of, by the names that users know."""
    attributes = dict(vars(trainer))
    parts: TrainerParts = attributes.pop(PARTS)
    compiled = parts.compilation
    if compiled is not None:
        yield from vars(compiled.compile_spec).items()
        yield from packed({"optimizer": compiled.optimizer}).items()
    for path, layer in layer_paths(parts.state.net):
        yield f"layer {path!r}", layer
    yield from ((f"attribute `{name}`", value) for name, value in packed(attributes).items())
    yield from {"class": type(trainer), "layers": parts.state.net, "steps": parts.steps}.items()


def is_trainer(value: object) -> bool:
    """Whether something is a trainer that was made."""
    return isinstance(getattr(value, "__dict__", {}).get(PARTS), TrainerParts)
