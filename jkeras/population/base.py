"""What a population is, and what its members have: descriptions, values, hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jkeras.callbacks import History
from jkeras.core.errors import NotReadyError, describe, nearest, type_error
from jkeras.core.pickling import packed, unpacked
from jkeras.core.trees import Tree
from jkeras.distribution import Distribution
from jkeras.population import hyperparameters, member_models
from jkeras.population.engine import Engine
from jkeras.population.programs import PopulationPrograms, by_member
from jkeras.population.values import PopulationState, copied, parts_for, with_members
from jkeras.trainer.compiling.compilation import resolved_distribution
from jkeras.trainer.loop import resume
from jkeras.trainer.loop.parts import TrainerParts, parts_of
from jkeras.trainer.model import Model
from jkeras.training.state import TrainState


class PopulationBase:
    """The members of a population and their values; arguments as for `Population`."""

    def __init__(
        self,
        model: object,
        size: int | None,
        seeds: int | Sequence[int] | None,
        weights: str,
        engine: tuple[Any, Any],
        name: str,
        given: Mapping[str, Any],
    ) -> None:
        who = f"Population {name!r}"
        self._template = member_models.template_of(who, model)
        lengths = hyperparameters.lengths_of(hyperparameters.checked(who, given, None))
        self._size = member_models.checked_size(who, size, seeds, lengths)
        self._found = hyperparameters.checked(who, given, self._size)
        if "dropout" in self._found:
            net = self.template_parts.state.net
            hyperparameters.check_dropout(who, net, self._found["dropout"])
        self.seeds = member_models.checked_seeds(who, seeds, self._size)
        if weights not in ("fresh", "model"):
            raise ValueError(
                f"{who}: `weights`: expected 'fresh' or 'model', got {weights!r}."
                f"{nearest(str(weights), ('fresh', 'model'))}"
            )
        self._weights = weights
        self._distribution: Distribution | None = None
        self.parts: TrainerParts = parts_for(self.template_parts, self.seeds, name)
        self.engine = self._new_engine(who, *engine)
        self.last_logs: dict[str, np.ndarray] = {}
        self.trained: list[np.ndarray] = []
        self.programs: list[PopulationPrograms] = []
        self.history: History | None = None
        if self.compiled:
            self._take_compilation()

    # -- what the members are

    @property
    def who(self) -> str:
        """How messages name the population."""
        return self.parts.state.who

    @property
    def template_parts(self) -> TrainerParts:
        """The parts of the model that all members are made like."""
        return parts_of(self._template)

    def __len__(self) -> int:
        return self._size

    def __getstate__(self) -> dict[str, Any]:
        """Everything but compiled programs, as for a model."""
        return packed(vars(self) | {"programs": []})

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(unpacked(state))

    def __repr__(self) -> str:
        varied = "".join(f", {name}" for name in self._found)
        return f"<{self.who}: {self._size} members{varied}, {self.engine!r}>"

    def __getattr__(self, name: str) -> Any:
        """An error: for what a model has it names the member, else the nearest attribute."""
        known = [word for word in dir(type(self)) if not word.startswith("_")]
        fix = nearest(name, known)
        if not name.startswith("_") and hasattr(Model, name):
            fix = f" A member has one: population.member(0).{name}."
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}.{fix}")

    @property
    def net(self) -> Any:
        """The description that all members have."""
        return self.template_parts.state.net

    @property
    def metrics(self) -> list[Any]:
        """What the logs are made of, as `model.metrics`."""
        template: Any = self._template
        return list(template.metrics)

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in its order."""
        template: Any = self._template
        return list(template.metrics_names)

    @property
    def distribution(self) -> Distribution | None:
        """The devices over whose first axis the members lie; None for one."""
        return self._distribution

    # -- compile

    def compile(
        self, *args: Any, distribution: Distribution | str | None = None, **kwargs: Any
    ) -> None:
        """Sets the optimizer, the losses and the metrics of all members, as `model.compile` does;
        the optimizers restart.

        Args:
          *args, **kwargs: as for `model.compile`.
          distribution: a `jkeras.distribution`, "data" or "auto": the members lie over the devices
            along its axis of batches. Their number has to be a multiple.

        Raises:
          TypeError, ValueError: as for `model.compile`; the optimizer or the losses lack a
            hyper-parameter of the population; or an option of single models.
        """
        template: Any = self._template
        spread = resolved_distribution(distribution)
        member_models.check_compile(self.who, kwargs, spread, self._size)
        template.compile(*args, **kwargs)
        if spread != self._distribution:
            name, wanted = self.engine.name, self.engine.wanted
            self._distribution = spread
            self.engine = self._new_engine(self.who, name, wanted)
        self._take_compilation()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self.template_parts.compilation is not None

    def _take_compilation(self) -> None:
        parts = self.template_parts
        compiled = parts.need_compilation("Population")
        hyperparameters.check_compiled(self.who, self._found, compiled)
        changed = hyperparameters.with_optimizer_numbers(compiled, self._found)
        if changed is not compiled:
            parts.recompile(changed)
        if self.parts.state.values is not None:
            values = member_models.restarted(parts, self.parts.state.need_values())
            self.take(self._with_numbers(values))
        else:
            self.build_members()

    # -- values

    def build_members(self) -> None:
        """Makes the members' values, where there are none and the shape of inputs is known."""
        state = self.parts.state
        assert isinstance(state, PopulationState), "made by `parts_for`"
        state.template.build_if_known()
        if state.values is not None or not state.template.built or not self.compiled:
            return
        state.make(hyperparameters.program_values(self._found), like=self._weights == "model")
        self.take(self._with_numbers(state.need_values()))

    def _with_numbers(self, values: TrainState) -> TrainState:
        """The values with the members' own learning rate, momentum and weight decay."""
        for name in hyperparameters.IN_OPTIMIZER:
            if name in self._found:
                opt_state = hyperparameters.with_numbers(values.opt_state, name, self._found[name])
                values = values.replace(opt_state=opt_state)
        return values

    def need_values(self) -> TrainState:
        """The values of all members, each array with a first axis of members.

        Raises:
          ValueError: there are none yet.
        """
        self.build_members()
        if not self.compiled:
            raise NotReadyError(
                f"{self.who}: expected a compiled population, because members have an optimizer, "
                "got one without. Call compile(optimizer='adam', loss='mse') first."
            )
        return self.parts.state.need_values()

    def take(self, values: TrainState) -> None:
        """Takes other values, on the devices where they belong."""
        if self._distribution is not None:
            shared = ("step", "epoch", "position", "key")
            kept = {name: getattr(values, name) for name in shared}
            nothing: Any = dict.fromkeys(shared)
            values = self.placed_by_member(values.replace(**nothing)).replace(**kept)
        self.parts.state.values = values

    def placed_by_member(self, tree: Tree) -> Any:
        """Arrays with a first axis of members, each device with its own."""
        if self._distribution is None:
            return jax.device_put(tree)
        return jax.device_put(tree, by_member(self._distribution))

    @property
    def active(self) -> np.ndarray:
        """Which members are trained: `[members]` bool."""
        return np.asarray(self.need_values().state.active)

    @property
    def epochs(self) -> np.ndarray:
        """How many epochs each member has completed."""
        return np.asarray(self.need_values().state.epoch)

    def stop(self, members: Iterable[int] | int) -> None:
        """Stops one or several members: they change no more until the next `fit`. Training ends
        when all are stopped.
        """
        values = self.need_values()
        active = np.array(values.state.active)
        listed = members if isinstance(members, Iterable) else [members]
        active[[self._checked(member) for member in listed]] = False
        self.take(with_members(values, active=jnp.asarray(active)))
        self.stop_training = self.stop_training or not active.any()

    @property
    def stop_training(self) -> bool:
        """Whether training ends after the current epoch, for all members; callbacks may set it."""
        return self.parts.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self.parts.stop_training = value

    @property
    def initial_epoch(self) -> int:
        """The first epoch of the run; callbacks may set it."""
        return self.parts.initial_epoch

    @initial_epoch.setter
    def initial_epoch(self, value: int) -> None:
        self.parts.initial_epoch = value

    @property
    def learning_rate(self) -> np.ndarray:
        """The current learning rate of each member. Assigning others recompiles nothing."""
        rates = hyperparameters.numbers_in(self.need_values().opt_state, "learning_rate")
        if rates is None:
            raise AttributeError(f"{self.who}: the optimizer does not tell its learning rate.")
        return rates

    @learning_rate.setter
    def learning_rate(self, rates: ArrayLike) -> None:
        self.set_hyperparameters(learning_rate=rates)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What differs by member, as it is now: an array with a number for each member by name."""
        values, found = self.need_values(), dict[str, Any]()
        for name in self._found:
            if name in hyperparameters.IN_OPTIMIZER:
                found[name] = hyperparameters.numbers_in(values.opt_state, name)
            else:
                found[name] = jax.tree.map(np.asarray, values.state.hyper[name])
        return found

    def set_hyperparameters(self, **given: Any) -> None:
        """Changes hyper-parameters between epochs: lists with a number for each member, of those
        that the population was made with, and of the learning rate. Recompiles nothing.

        Raises:
          TypeError, ValueError: they are no such numbers, or others.
        """
        new = hyperparameters.checked(self.who, given, self._size)
        values = self.need_values()
        for name, numbers in new.items():
            if name not in self._found and name != "learning_rate":
                raise ValueError(
                    f"{self.who}: `{name}`: expected a hyper-parameter that the population was "
                    f"made with, {list(self._found)}. Make it with {name}=[...]."
                )
            if name in hyperparameters.IN_OPTIMIZER:
                opt_state = hyperparameters.with_numbers(values.opt_state, name, numbers)
                values = values.replace(opt_state=opt_state)
        self._found |= {name: numbers for name, numbers in new.items() if name in self._found}
        hyper = hyperparameters.program_values(self._found)
        self.take(with_members(values, hyper=hyper))

    def copy_members(self, parents: Mapping[int, int]) -> None:
        """Gives members the weights and the optimizer state of others; seeds stay.

        Args:
          parents: from a member to the one it becomes equal to.
        """
        if not isinstance(parents, Mapping):
            raise type_error(
                who=f"{self.who}: copy_members",
                argument="parents",
                expected="a dict from a member to the one it becomes equal to, such as {3: 0}",
                got=describe(parents),
            )
        children, others = map(self._checked, parents), map(self._checked, parents.values())
        self.take(copied(self.need_values(), list(children), list(others)))

    def _checked(self, member: int) -> int:
        return member_models.checked_member(self.who, member, self._size)

    def weights_of(self, member: int) -> Any:
        """The weights of a member and what its layers carry, as NumPy arrays."""
        values = self.need_values()
        both = values.params, values.state.layers
        return jax.tree.map(lambda a: np.array(np.asarray(a)[member]), both)

    def set_weights_of(self, weights: Mapping[int, Any]) -> None:
        """Gives members weights that `weights_of` gave."""
        values = self.need_values()
        both: Any = values.params, values.state.layers
        leaves, tree = jax.tree.flatten(both)
        new = [np.array(leaf) for leaf in leaves]
        for member, own in weights.items():
            for target, leaf in zip(new, jax.tree.leaves(own), strict=True):
                target[member] = leaf
        params, layers = jax.tree.unflatten(tree, [jnp.asarray(leaf) for leaf in new])
        self.take(with_members(values.replace(params=params), layers=layers))

    def snapshot(self) -> dict[str, Any]:
        """Everything that the population is, and in `fit` the run it is in, for
        `fit(resume_from=)`, in plain containers, numbers and NumPy arrays.
        """
        self.build_members()
        return resume.snapshot(self.parts)

    def note_value(self, name: str, member: int, value: float) -> None:
        """Notes the value that a member has with the weights that it was given back."""
        if name in self.last_logs:
            self.last_logs[name] = np.array(self.last_logs[name])
            self.last_logs[name][member] = value

    def _new_engine(self, who: str, name: object, chunk: object) -> Engine:
        """An engine for the members; on several devices for those of one."""
        spread = self._distribution
        parts = 1 if spread is None else spread.num_model_replicas
        return Engine(who, name, chunk, max(self._size // parts, 1))

    def reactivate(self) -> None:
        """Lets all members be trained again, as `fit` does when it begins."""
        active = jnp.asarray(np.ones(self._size, bool))
        self.take(with_members(self.need_values(), active=active))
        self.trained.clear()
