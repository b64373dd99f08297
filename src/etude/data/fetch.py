"""Where a published file is found, or fetched from: always the bytes that were published, or an error."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import platformdirs

from etude.data.download import Patience, Watch, download, set_aside
from etude.data.published import Published, content, refused, wrong
from etude.values.errors import DataError

__all__ = ["Patience", "Published", "Watch", "cache_folder", "content", "fetched", "found"]


def cache_folder() -> Path:
    """The folder that fetched files are kept in: $ETUDE_DATA, else one in the user's own cache folder.

    >>> cache_folder().is_absolute()
    True
    """
    named = os.environ.get("ETUDE_DATA")
    return (
        Path(named).expanduser().absolute()
        if named
        else platformdirs.user_cache_path("etude", appauthor=False) / "data"
    )


def found(file: Published, *, folder: str | Path | None = None) -> Path | None:
    """The file where it is on this machine: in `folder`, in known places, in installed packages, in the cache.

    The network is never asked. In `folder`, other bytes under the file's name are a DataError; elsewhere they are
    passed over.

    >>> found(Published(name="not-here.gz", checksum="md5:" + 32 * "0")) is None
    True
    """
    given = None if folder is None else _in_folder(file, Path(folder).expanduser())
    if given is not None:
        return given
    for place in (*(Path(name).expanduser() for name in file.places), *_in_packages(file)):
        if wrong(file, place) is None:
            return place
    return _in_cache(file)


def fetched(
    file: Published, *, folder: str | Path | None = None, watch: Watch | None = None, patience: Patience | None = None
) -> Path:
    """The file as `found`, or else downloaded into the cache, from each mirror in turn until one has the right bytes.

    A cut download is gone on with, in this call or in a later one. Of several processes one downloads, the others wait
    for it: so it is fetched once, and there is one part to go on with. A DataError lists what each mirror did.
    """
    path = found(file, folder=folder)
    if path is not None:
        return path
    cached = cache_folder() / file.name
    put_aside = set_aside(file, cached) if _exists(cached) else ""
    download(file, cached, watch=watch, patience=patience or Patience(), put_aside=put_aside)
    return cached


def _in_folder(file: Published, folder: Path) -> Path | None:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder, so {file.name} cannot be looked for in it. Check its name.")
    names = (file.name, PurePosixPath(file.name).name)
    unpacked = () if file.unpacked is None else tuple(name.removesuffix(".gz") for name in names)
    for name in (*names, *unpacked):
        path = folder / name
        if _exists(path):
            says = wrong(file, path)
            if says is not None:
                raise refused(file, path, says)
            return path
    return None


def _in_packages(file: Published) -> Iterator[Path]:
    for package, inside in file.packaged:
        with suppress(ImportError, ValueError):  # ValueError: something unusual has been imported under that name
            spec = importlib.util.find_spec(package)
            for folder in (spec and spec.submodule_search_locations) or ():
                yield Path(folder) / inside


def _in_cache(file: Published) -> Path | None:
    path = cache_folder() / file.name
    if not _exists(path):
        return None
    return path if wrong(file, path) is None else None


def _exists(path: Path) -> bool:
    """Whether something is there, be it unreadable."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
