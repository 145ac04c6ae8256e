"""ONNX Runtime for browsers: two files of the npm package `onnxruntime-web`, known by their hashes.

They come from a tarball or folder that the user names, else from the cache, else once from the npm
registry. Laws: no byte that differs from the published package gets into an exported folder, and
what is in the cache is whole.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import tarfile
import urllib.error
from pathlib import Path
from urllib.parse import urlsplit

from jkeras.core.errors import value_error
from jkeras.core.folders import atomic_write, cache_folder

VERSION = "1.30.0"
ADDRESS = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
INTEGRITY = (
    "sha512-"
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""The registry's hash of the whole package."""

HASHES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
"""The SHA-256 of the files that a page needs."""

_STALL_S = 30.0
_WHO = "export(format='web')"


class RuntimeUnavailable(OSError):
    """ONNX Runtime for browsers is neither here nor to be fetched; the message says what to do."""


def runtime_files(runtime: str | os.PathLike[str] | None = None) -> dict[str, bytes]:
    """The files of the runtime by name.

    Args:
      runtime: a tarball (`npm pack onnxruntime-web@1.30.0` makes one) or a folder that holds the
        package; the cache or the npm registry when left out.

    Raises:
      RuntimeUnavailable: nothing is there, or the registry cannot be reached.
      ValueError: the files are another version's, or damaged.
    """
    if runtime is not None:
        path = Path(runtime)
        if not path.exists():
            raise RuntimeUnavailable(
                f"{_WHO}: `runtime`: expected a tarball or folder of onnxruntime-web {VERSION}, "
                f"got none at {str(path)!r}."
            )
        return _checked(_from_folder(path) if path.is_dir() else _unpacked(path.read_bytes()), path)
    cache = cache_folder(f"onnxruntime-web-{VERSION}")
    kept = _from_folder(cache)
    if _right(kept):
        return kept
    files = _checked(_unpacked(_fetched()), ADDRESS)
    for name, content in files.items():
        atomic_write(cache / name, lambda file, content=content: file.write(content))  # type: ignore[misc]
    return files


def _from_folder(folder: Path) -> dict[str, bytes]:
    """The files in a folder, or in `dist` there, as in the package."""
    places = (folder, folder / "dist", folder / "package" / "dist")
    found = {name: [p / name for p in places if (p / name).is_file()] for name in HASHES}
    return {name: paths[0].read_bytes() for name, paths in found.items() if paths}


def _unpacked(tarball: bytes) -> dict[str, bytes]:
    """The files in a tarball; none if it is damaged."""
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
            for name in HASHES:
                member = archive.extractfile(f"package/dist/{name}")
                if member is not None:
                    files[name] = member.read()
    except (tarfile.TarError, KeyError, OSError, EOFError):
        pass
    return files


def _right(files: dict[str, bytes]) -> bool:
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == HASHES


def _checked(files: dict[str, bytes], place: object) -> dict[str, bytes]:
    if not _right(files):
        missing = [name for name in HASHES if name not in files]
        raise value_error(
            who=_WHO,
            argument="runtime",
            expected=f"the files of onnxruntime-web {VERSION}",
            got=f"{str(place)!r} without {missing[0]}" if missing else f"others in {str(place)!r}",
            fix=f"`npm pack onnxruntime-web@{VERSION}` gets the package.",
        )
    return files


def _fetched() -> bytes:
    """The package from the registry."""
    from urllib.request import urlopen  # takes longer to import than all the rest of this file

    try:
        with urlopen(ADDRESS, timeout=_STALL_S) as response:
            data: bytes = response.read()
    except (OSError, http.client.HTTPException) as error:
        reason: object = getattr(error, "reason", None) or error
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise RuntimeUnavailable(
            f"{_WHO}: expected onnxruntime-web {VERSION} from {urlsplit(ADDRESS).netloc}, got "
            f"{reason}. Where there is a network, `npm pack onnxruntime-web@{VERSION}` gets it: "
            f"export with runtime='onnxruntime-web-{VERSION}.tgz'."
        ) from error
    digest = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if digest != INTEGRITY:
        raise RuntimeUnavailable(
            f"{_WHO}: expected onnxruntime-web {VERSION} with {INTEGRITY}, got {digest}. "
            "Nothing was kept: run it again."
        )
    return data
