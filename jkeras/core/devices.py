"""`device`: where arrays are made."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import jax

from jkeras.core.errors import WrongTypeError, describe


def device(device_name: str | jax.Device) -> AbstractContextManager[Any]:
    """A context in which new arrays lie on a device, and computations without others run there.

    Args:
      device_name: "cpu", "gpu:1", or a device of JAX.

    Raises:
      TypeError: it is neither.
      ValueError: there is no such device.

    Example:
      >>> import jax.numpy as jnp
      >>> with device("cpu:0"):
      ...     x = jnp.ones(3)
      >>> next(iter(x.devices())).platform
      'cpu'

    Source: `keras.device`.
    """
    if isinstance(device_name, str):
        platform, _, number = device_name.lower().partition(":")
        if number and not number.isdigit():
            raise ValueError(f"device: expected a name such as 'cpu:0', got {device_name!r}.")
        try:
            found = jax.devices(platform)
        except RuntimeError as error:
            raise ValueError(f"device: {error}") from None
        place = int(number or 0)
        if place >= len(found):
            raise ValueError(f"device: expected a number below {len(found)}, got {device_name!r}.")
        return jax.default_device(found[place])
    if not isinstance(device_name, jax.Device):
        raise WrongTypeError(
            f"device: expected a name such as 'cpu:0', got {describe(device_name)}."
        )
    return jax.default_device(device_name)
