"""Names of the package itself: devices, the version, configurations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

import jkeras


def test_a_device_holds_new_arrays() -> None:
    with jkeras.device("cpu"):
        assert next(iter(jnp.ones(2).devices())) == jax.devices("cpu")[0]
    with pytest.raises(ValueError, match="expected a number below"):
        jkeras.device("cpu:999")
    with pytest.raises(ValueError, match="expected a name such as 'cpu:0', got 'cpu:one'"):
        jkeras.device("cpu:one")
    with pytest.raises(TypeError, match="expected a name such as 'cpu:0', got 3"):
        jkeras.device(3)  # type: ignore[arg-type]


def test_the_bases_are_those_of_their_rooms() -> None:
    assert jkeras.Loss is jkeras.losses.Loss and jkeras.Metric is jkeras.metrics.Metric
    assert issubclass(jkeras.quantizers.AbsMaxQuantizer, jkeras.Quantizer)
    assert jkeras.version() == jkeras.__version__


def test_configurations_can_be_frozen() -> None:
    config = jkeras.utils.Config(rate=0.1)
    config.epochs = 3
    assert dict(config) == {"rate": 0.1, "epochs": 3} == config.as_dict()
    config.freeze()
    with pytest.raises(ValueError, match="it is frozen"):
        del config["rate"]
    with pytest.raises(AttributeError, match=r"no value 'rat'\. Did you mean 'rate'"):
        _ = config.rat
