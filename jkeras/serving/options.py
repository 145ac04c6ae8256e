"""The bounds of a server."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Options:
    """What a server takes, and how long it waits.

    Attributes:
      max_batch: examples that run together; longer requests run in parts of so many.
      window: seconds that a batch waits for more requests while others are under way.
      max_queue: requests that wait for a model; more get 503.
      max_body: bytes of a request; more get 413.
      max_bodies: bytes of all requests under way; more get 503.
      head_timeout: seconds in which the head of a request has to be there.
      body_timeout: seconds in which its body has to be there; else 408.
      predict_timeout: seconds in which the model has to answer; else 504.
      stop_timeout: seconds that requests under way have when the server stops.
      max_shapes: different shapes of an example that are compiled; others get 400.

    Raises:
      ValueError: a bound is no positive number.
    """

    max_batch: int = 32
    window: float = 0.001
    max_queue: int = 1024
    max_body: int = 16 * 2**20
    max_bodies: int = 64 * 2**20
    head_timeout: float = 10.0
    body_timeout: float = 10.0
    predict_timeout: float = 30.0
    stop_timeout: float = 30.0
    max_shapes: int = 64

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 0 if name == "window" else 1 if isinstance(value, int) else 1e-3
            if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
                raise ValueError(
                    f"Options: `{name}`: expected a number of at least {least}, got {value!r}."
                )
