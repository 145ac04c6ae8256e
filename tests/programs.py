"""The compiled programs of a model, for tests that count them."""

from __future__ import annotations

from typing import Any

from jkeras.trainer.compiling.plan import Plan
from jkeras.trainer.compiling.programs import Program
from jkeras.trainer.loop.parts import parts_of


def plans_of(model: Any, kind: str) -> list[Plan]:
    """The plans of one kind, "train", "evaluate" or "predict", that were made so far."""
    return [plan for plan in parts_of(model).plans.all() if plan.kind == kind]


def plan_of(model: Any, kind: str) -> Plan:
    """The only plan of one kind."""
    (plan,) = plans_of(model, kind)
    return plan


def loops_of(model: Any, kind: str) -> dict[int, Program]:
    """The loops of the only plan of one kind, by examples in a batch."""
    return {size: loop for (_, size), loop in plan_of(model, kind).programs.made.items()}
