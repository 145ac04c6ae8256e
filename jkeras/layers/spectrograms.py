"""Spectrograms of sound: `STFTSpectrogram`, by trained kernels, and `MelSpectrogram`, by a fixed
transform.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.description import one_of as scaling_of
from jkeras.core.errors import WrongTypeError
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Params, State, check_rank, option
from jkeras.core.tracebacks import users_stacklevel
from jkeras.layers import options
from jkeras.layers.deterministic import Deterministic
from jkeras.layers.options import (
    finite,
    finite_non_negative,
    one_of,
    optional,
    positive,
    positive_int,
)
from jkeras.layers.preprocessing import PreprocessingLayer
from jkeras.ops.constant_initializers import STFT
from jkeras.ops.convolution import convolve
from jkeras.ops.vocabulary.transforms import stft

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec
    from jkeras.ops.constant_initializers import FrozenArray

Side = Literal["real", "imag"]
SPECTRA = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
EPSILON = 1e-7
"""What magnitudes and their squares are at least, before a root or a logarithm."""

_MEL_BREAK, _MEL_Q = 700.0, 1127.0
"""Of the mel scale: mel(f) = 1127 ln(1 + f / 700)."""


def _given_window(value: object) -> Any:
    """A window as `initializers.STFT` takes it: a name, weights, or None."""
    return STFT("real", window=value).window


def _check_window(
    layer: Deterministic, window: str | FrozenArray | None, length: int, argument: str
) -> None:
    """Raises a ValueError for weights that are no window of this length, which `argument` says."""
    if window is None or isinstance(window, str):
        return
    weights = window.numpy()
    if weights.shape != (length,) or not np.isfinite(weights).all() or not weights.any():
        got = f"shape {weights.shape}" if weights.shape != (length,) else "NaN, infinity or only 0"
        raise layer.value_error(
            f"`{argument}` = {length} finite numbers that are not all 0", got, argument="window"
        )


def _window_in_config(value: str | FrozenArray | None) -> Any:
    return value if value is None or isinstance(value, str) else value.numpy().tolist()


class STFTSpectrogram(Deterministic):
    """The short-time Fourier transform of signals, by two convolutions whose kernels are trained.

    The kernels begin as the cosines and sines of the transform (`initializers.STFT`); freeze the
    layer, `trainable=False`, to keep them.

    Shapes: `[batch, samples, channels]` to `[batch, windows, channels * frequencies]`, or with
    `expand_dims` `[batch, windows, frequencies, channels]`; the other way round with
    "channels_first". There are `fft_length // 2 + 1` frequencies, twice as many in the mode "stft".

    Args:
      mode: "log" (of the magnitude), "magnitude", "psd" (the power of both sides), "real", "imag",
        "angle" (the phase), or "stft" (real and imaginary parts).
      frame_length: samples of a window.
      frame_step: samples from a window to the next; half of a window when left out.
      fft_length: samples of the transform; the next power of two when left out.
      window: a name that `scipy.signal.get_window` knows, `frame_length` weights, or None.
      periodic: periodic rather than symmetric windows.
      scaling: of the window: "density", "spectrum", or None.
      padding: "valid" or "same".
      expand_dims: whether the outputs look like images.
      data_format: "channels_last" or "channels_first".

    Raises:
      ValueError: `frame_step` above `frame_length`, `fft_length` below it, or a window of another
        length.

    Example:
      >>> import jax
      >>> layer = STFTSpectrogram(frame_length=8, frame_step=4)
      >>> params, state = layer.init(jax.random.key(0), jnp.zeros((1, 32, 1)))
      >>> layer.apply(params, state, jnp.zeros((1, 32, 1)))[0].shape
      (1, 7, 5)

    Source: `keras.layers.STFTSpectrogram`.
    """

    mode: str = option(default="log", convert=one_of(*SPECTRA))
    frame_length: int = option(default=256, convert=positive_int)
    frame_step: int | None = option(default=None, convert=optional(positive_int))
    fft_length: int | None = option(default=None, convert=optional(positive_int))
    window: Any = option(default="hann", convert=_given_window, to_config=_window_in_config)
    periodic: bool = option(default=False, convert=bool)
    scaling: Literal["density", "spectrum"] | None = option(
        default="density", convert=scaling_of("density", "spectrum", None)
    )
    padding: str = option(default="valid", convert=one_of("valid", "same"))
    expand_dims: bool = option(default=False, convert=bool)
    data_format: str = options.data_format()

    def check(self) -> None:
        _check_window(self, self.window, self.frame_length, "frame_length")
        if self.frequencies < 2:
            raise self.value_error(
                "at least 2 samples in a transform", self.frame_length, argument="frame_length"
            )
        if self.step > self.frame_length:
            raise self.value_error(
                f"at most `frame_length`, {self.frame_length}", self.step, argument="frame_step"
            )
        if self.fft_length is None:
            return
        if self.fft_length < self.frame_length:
            raise self.value_error(
                f"at least `frame_length`, {self.frame_length}",
                self.fft_length,
                argument="fft_length",
            )
        if self.fft_length & (self.fft_length - 1):
            warnings.warn(
                f"{self.who}: `fft_length` is recommended to be a power of two, got "
                f"{self.fft_length}.",
                stacklevel=users_stacklevel(),
            )

    @property
    def step(self) -> int:
        """Samples from a window to the next."""
        return self.frame_step or max(self.frame_length // 2, 1)

    @property
    def frequencies(self) -> int:
        """How many frequencies a transform has."""
        length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        return length // 2 + 1

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self._check_inputs(inputs)
        shape = (self.frame_length, 1, self.frequencies)
        both: tuple[Side, Side] = ("real", "imag")
        sides = [side for side in both if self.mode not in {"real", "imag"} - {side}]
        rules = {side: STFT(side, self.window, self.scaling, self.periodic) for side in sides}
        return {f"{side}_kernel": rule(shape) for side, rule in rules.items()}, {}

    def _check_inputs(self, inputs: ArraySpec) -> None:
        check_rank(self, inputs, 3, f"[batch, samples, channels] ({self.data_format})")
        if not jnp.issubdtype(inputs.dtype, jnp.floating):
            raise WrongTypeError(f"{self.who}: expected floating inputs, got {inputs.dtype.name}.")

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = as_jax(inputs)
        self._check_inputs(x)
        x = self.cast(x)
        parts = {name: self._spectrum(x, kernel) for name, kernel in params.items()}
        real, imag = parts.get("real_kernel"), parts.get("imag_kernel")
        if real is None or imag is None:
            return self._arranged(real if imag is None else imag)  # type: ignore[arg-type]
        if self.mode == "angle":
            return self._arranged(jnp.arctan2(imag, real))
        if self.mode == "stft":
            return self._arranged(jnp.concatenate([real, imag], axis=2))
        power = jnp.square(real) + jnp.square(imag)
        if self.mode == "psd":
            inner = jnp.pad(power[:, :, 1:-1], [(0, 0), (0, 0), (1, 1), (0, 0)])
            return self._arranged(power + inner)
        least = jnp.asarray(EPSILON, power.dtype)
        magnitude = self._arranged(jnp.sqrt(jnp.maximum(power, least)))
        return magnitude if self.mode == "magnitude" else jnp.log(jnp.maximum(magnitude, least))

    def _spectrum(self, x: Array, kernel: Array) -> Array:
        """One part of the transform of each channel: `[batch, channels, frequencies, windows]`."""
        last = self.data_format == "channels_last"
        signals = jnp.moveaxis(x, -1, 1) if last else x
        batch, channels, samples = signals.shape
        outputs = convolve(
            signals.reshape(batch * channels, samples, 1),
            kernel.astype(x.dtype),
            strides=(self.step,),
            padding=self.padding,
            dilation=(1,),
        )
        windows = outputs.shape[1]
        return jnp.moveaxis(outputs, 1, 2).reshape(batch, channels, self.frequencies, windows)

    def _arranged(self, spectra: Array) -> Array:
        """`[batch, channels, frequencies, windows]` in the layout of the outputs."""
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return spectra.transpose((0, 3, 2, 1) if last else (0, 1, 3, 2))
        batch, channels, frequencies, windows = spectra.shape
        joined = spectra.reshape(batch, channels * frequencies, windows)
        return jnp.moveaxis(joined, 1, 2) if last else joined


def _mel(frequencies: Array) -> Array:
    return jnp.asarray(_MEL_Q, frequencies.dtype) * jnp.log(
        1.0 + frequencies / jnp.asarray(_MEL_BREAK, frequencies.dtype)
    )


class MelSpectrogram(PreprocessingLayer):
    """The power of sound in bands of the mel scale, in decibels.

    Shapes: `[samples]` or `[batch, samples]` to `[..., num_mel_bins, windows]`.

    Args:
      fft_length: samples of the transform of a window.
      sequence_stride: samples from a window to the next.
      sequence_length: samples of a window; `fft_length` when left out.
      window: "hann", "hamming", `sequence_length` weights, or None.
      sampling_rate: of the signal, samples per second.
      num_mel_bins: how many bands there are.
      min_freq, max_freq: of the bands, in hertz; the highest half of `sampling_rate` when left out.
      power_to_db: whether the power is in decibels, relative to `ref_power`.
      top_db: decibels below the largest of a call that are cut off.
      mag_exp: the exponent of the magnitude: 1 for magnitude, 2 for power.
      min_power: what the power is at least.
      ref_power: the power of 0 decibels.

    Raises:
      ValueError: `sequence_length` above `fft_length`, `min_freq` not below `max_freq`, or a window
        of another length.

    Example:
      >>> layer = MelSpectrogram(num_mel_bins=4, fft_length=16, sequence_stride=8)
      >>> layer(jnp.zeros((2, 64))).shape
      (2, 4, 9)

    Source: `keras.layers.MelSpectrogram`.
    """

    fft_length: int = option(default=2048, convert=positive_int)
    sequence_stride: int = option(default=512, convert=positive_int)
    sequence_length: int | None = option(default=None, convert=optional(positive_int))
    window: Any = option(default="hann", convert=_given_window, to_config=_window_in_config)
    sampling_rate: int = option(default=16000, convert=positive_int)
    num_mel_bins: int = option(default=128, convert=positive_int)
    min_freq: float = option(default=20.0, convert=finite_non_negative)
    max_freq: float | None = option(default=None, convert=optional(finite_non_negative))
    power_to_db: bool = option(default=True, convert=bool)
    top_db: float = option(default=80.0, convert=finite_non_negative)
    mag_exp: float = option(default=2.0, convert=positive)
    min_power: float = option(default=1e-10, convert=finite_non_negative)
    ref_power: float = option(default=1.0, convert=finite)

    takes_integers: ClassVar[bool] = True

    def check(self) -> None:
        object.__setattr__(self, "sequence_length", self.sequence_length or self.fft_length)
        object.__setattr__(self, "max_freq", self.max_freq or float(self.sampling_rate // 2))
        if int(self.sequence_length or 0) > self.fft_length:
            raise self.value_error(
                f"at most `fft_length`, {self.fft_length}",
                self.sequence_length,
                argument="sequence_length",
            )
        if self.fft_length < 2:
            raise self.value_error("at least 2 samples", self.fft_length, argument="fft_length")
        _check_window(self, self.window, int(self.sequence_length or 0), "sequence_length")
        highest, half = float(self.max_freq or 0), self.sampling_rate / 2
        if self.min_freq >= highest:
            raise self.value_error(
                f"less than `max_freq`, {highest}", self.min_freq, argument="min_freq"
            )
        if highest > half:
            warnings.warn(
                f"{self.who}: `max_freq` is above half of `sampling_rate`, {half}: the signal has "
                f"no such frequencies, and bands above are empty; got {highest}.",
                stacklevel=users_stacklevel(),
            )

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        wide = x if x.dtype in (jnp.float32, jnp.float64) else x.astype(jnp.float32)
        window = self.window.numpy() if hasattr(self.window, "numpy") else self.window
        length = int(self.sequence_length or self.fft_length)
        real, imag = stft(wide, length, self.sequence_stride, self.fft_length, window)
        power = jnp.power(jnp.sqrt(jnp.square(real) + jnp.square(imag)), self.mag_exp)
        bands = jnp.tensordot(power, self.weights_of_bands(power.shape[-1]).astype(wide.dtype), 1)
        if self.power_to_db:
            bands = self._decibels(bands)
        return jnp.swapaxes(bands, -1, -2).astype(x.dtype)

    def _decibels(self, power: Array) -> Array:
        log = 10.0 * jnp.log10(jnp.maximum(power, self.min_power))
        log = log - 10.0 * math.log10(max(abs(self.ref_power), self.min_power))
        return jnp.maximum(log, jnp.max(log) - self.top_db)

    def weights_of_bands(self, frequencies: int) -> Array:
        """The triangles of the bands on the mel scale, `[frequencies, num_mel_bins]`: each is 1 in
        its middle, and 0 from the middles of its neighbours on.
        """
        high = float(self.max_freq or self.sampling_rate / 2)
        edges_hertz = jnp.asarray([self.min_freq, high], jnp.float32)
        low_mel, high_mel = _mel(edges_hertz)
        nyquist = jnp.float32(self.sampling_rate) / 2.0
        mel = _mel(jnp.linspace(jnp.float32(0), nyquist, frequencies)[1:])[:, None]
        edges = jnp.linspace(low_mel, high_mel, self.num_mel_bins + 2)[None]
        lower, center, upper = edges[:, :-2], edges[:, 1:-1], edges[:, 2:]
        rising = (mel - lower) / (center - lower)
        falling = (upper - mel) / (upper - center)
        weights = jnp.maximum(jnp.float32(0), jnp.minimum(rising, falling))
        return jnp.pad(weights, [(1, 0), (0, 0)])
