"""The broker's and the registry's files: what they are (`artifacts.lock.toml`), and how they get into the cache.

The lock file pins every file by coordinate, size and SHA-256, so what runs is what was tested, wherever it is
fetched from. jgo knows where: the repositories in its own configuration file, else its default one.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tempfile
import threading
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from infra.cluster.cache import cache_folder, locked
from infra.cluster.errors import FetchFailed, RequirementMissing

LOCK_FILE = Path(__file__).with_name("artifacts.lock.toml")
PARALLEL_DOWNLOADS = 6  # 46 small files: latency, not bandwidth, is what costs
HTTP_TIMEOUT_S = 30
MEGABYTE = 1_000_000

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Artifact:
    """One file: `group:artifact:packaging[:classifier]:version`, its size and its SHA-256 in hexadecimal."""

    coordinate: str
    size_bytes: int
    sha256: str

    @property
    def parts(self) -> tuple[str, str, str, str, str]:
        """group, artifact, packaging, classifier ("" for none), version."""
        group, name, packaging, *classifier, version = self.coordinate.split(":")
        return group, name, packaging, "".join(classifier), version

    @property
    def filename(self) -> str:
        _, name, packaging, classifier, version = self.parts
        return f"{name}-{version}{'-' if classifier else ''}{classifier}.{packaging}"


@dataclass(frozen=True)
class ArtifactSet:
    """Files that belong together, under one name and one version; `digest` changes when any of them does."""

    name: str
    version: str
    artifacts: tuple[Artifact, ...]

    @property
    def digest(self) -> str:
        content = "\n".join(f"{a.coordinate} {a.sha256}" for a in self.artifacts)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def size_bytes(self) -> int:
        return sum(artifact.size_bytes for artifact in self.artifacts)


def read_lock(name: str, lock_file: Path = LOCK_FILE) -> ArtifactSet:
    """The set called `name`. Raises FetchFailed when the file is not a sound lock file."""
    try:
        entry = tomllib.loads(lock_file.read_text())[name]
        artifacts = tuple(Artifact(a["coordinate"], a["size_bytes"], a["sha256"]) for a in entry["artifact"])
        version = str(entry["version"])
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise FetchFailed(f"{lock_file.name} has no sound entry for {name!r}: {error!r}") from error
    for artifact in artifacts:
        fields = artifact.coordinate.split(":")
        if len(fields) not in (4, 5) or not re.fullmatch("[0-9a-f]{64}", artifact.sha256):
            raise FetchFailed(f"{lock_file.name}: {artifact.coordinate} is not pinned by a SHA-256")
    if len({artifact.filename for artifact in artifacts}) != len(artifacts):
        raise FetchFailed(f"{lock_file.name}: two files of {name!r} have the same name")
    return ArtifactSet(name, version, artifacts)


def verify(path: Path, artifact: Artifact) -> None:
    """Raises FetchFailed unless the file at `path` is the one that was locked, by size and SHA-256."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if (size_bytes, sha256) != (artifact.size_bytes, artifact.sha256):
        raise FetchFailed(
            f"{artifact.coordinate}: expected {artifact.size_bytes} bytes with SHA-256 {artifact.sha256[:16]}…, "
            f"got {size_bytes} with {sha256[:16]}…: a proxy answered instead, or the repository was tampered with"
        )


def ensure(name: str, progress: Progress, lock_file: Path = LOCK_FILE) -> Path:
    """The folder that holds the files of set `name`, fetched and verified now if they are not there yet.

    Safe against interruption (files are fetched beside the folder, which is put in place by one rename when all of
    them are proven) and against another process that fetches the same (one does, the other waits).
    Raises FetchFailed, RequirementMissing.
    """
    wanted = read_lock(name, lock_file)
    cache = cache_folder()
    folder = cache / f"{wanted.name}-{wanted.version}-{wanted.digest}"
    if _complete(folder, wanted):
        return folder
    with locked(
        cache / f"{folder.name}.lock", waiting=lambda: progress(f"waiting for another fetch of {name}")
    ):
        if _complete(folder, wanted):
            return folder
        for left_over in cache.glob(
            f"{folder.name}.part-*"
        ):  # of a process that was killed: we hold the lock
            shutil.rmtree(left_over, ignore_errors=True)
        staging = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=cache))
        try:
            _fetch_all(wanted, staging, progress)
            if folder.exists():  # some of its files were lost or cut
                shutil.rmtree(folder)
            (staging / "files").rename(folder)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise FetchFailed(
                    f"no space left in {cache}: {name} needs {wanted.size_bytes // MEGABYTE * 2} MB; "
                    "free some, or set XDG_CACHE_HOME to another disk"
                ) from error
            raise FetchFailed(f"{name} could not be fetched: {error}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return folder


def _complete(folder: Path, wanted: ArtifactSet) -> bool:
    """Whether every file is there with its size. Their hashes were proven before the folder got its name."""
    try:
        return all((folder / a.filename).stat().st_size == a.size_bytes for a in wanted.artifacts)
    except OSError:
        return False


def _fetch_all(wanted: ArtifactSet, staging: Path, progress: Progress) -> None:
    files = staging / "files"
    files.mkdir()
    meter = _Meter(f"fetching {wanted.name} {wanted.version}", wanted.size_bytes, progress)
    with ThreadPoolExecutor(PARALLEL_DOWNLOADS, thread_name_prefix="fetch") as pool:
        downloads = {
            pool.submit(_fetch, artifact, staging / str(number), files, meter): artifact
            for number, artifact in enumerate(wanted.artifacts)
        }
        try:
            for download in as_completed(downloads):
                download.result()
        except BaseException:
            meter.cancelled = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    progress(f"fetched {wanted.name} {wanted.version}: {len(wanted.artifacts)} files, every hash as locked")


class _Meter:
    """Adds up what the download threads received and says so at every tenth."""

    def __init__(self, title: str, total_bytes: int, progress: Progress) -> None:
        self.cancelled = False
        self._title, self._total_bytes, self._progress = title, total_bytes, progress
        self._received_bytes, self._tenths = 0, -1
        self._lock = threading.Lock()
        self.add(0)

    def add(self, received_bytes: int) -> None:
        if self.cancelled:
            raise FetchFailed("cancelled")
        with self._lock:
            self._received_bytes += received_bytes
            tenths = self._received_bytes * 10 // self._total_bytes
            if tenths <= self._tenths:
                return
            self._tenths = tenths
            done_mb, total_mb = self._received_bytes / MEGABYTE, self._total_bytes / MEGABYTE
            self._progress(f"{self._title}: {done_mb:.0f} of {total_mb:.0f} MB")


def _fetch(artifact: Artifact, staging: Path, files: Path, meter: _Meter) -> None:
    """Download one file into its own empty repository cache, verify it, move it to `files`."""
    from contextlib import contextmanager

    try:
        import requests
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext, PythonResolver
    except ImportError as error:
        raise RequirementMissing(
            'a local cluster needs the package jgo: pip install "ringback[local]"'
        ) from error

    @contextmanager
    def report(_filename: str, _total_bytes: int):  # type: ignore[no-untyped-def]
        yield meter.add

    context = MavenContext(
        repo_cache=staging,
        remote_repos=GlobalSettings.load().repositories or None,
        resolver=PythonResolver(progress_callback=report),
        timeout=HTTP_TIMEOUT_S,
    )
    group, name, packaging, classifier, version = artifact.parts
    component = context.project(group, name).at_version(version)
    try:
        path = component.artifact(classifier=classifier, packaging=packaging).resolve()
    except requests.RequestException as error:
        raise FetchFailed(
            f"{artifact.coordinate} could not be fetched ({type(error).__name__}): is there a network? "
            "Or set KAFKA_BOOTSTRAP_SERVERS and REDIS_URL to a cluster that runs already"
        ) from error
    except RuntimeError as error:  # what jgo raises when no repository has the file
        raise FetchFailed(f"{artifact.coordinate} is in none of the repositories that jgo knows") from error
    verify(path, artifact)
    path.replace(files / artifact.filename)
    shutil.rmtree(staging, ignore_errors=True)
