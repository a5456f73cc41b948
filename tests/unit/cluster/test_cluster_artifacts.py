"""Fetching: only the locked bytes ever get into the cache, whole or not at all, and once."""

from __future__ import annotations

import gc
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.cluster.artifacts import LOCK_FILE, ensure, read_lock
from infra.cluster.errors import FetchFailed

CONTENT = {f"part-{letter}": letter.encode() * 50_000 for letter in "abc"}


class Repository(ThreadingHTTPServer):
    """A Maven repository on loopback: `files` by name, `cut` names whose transfer breaks off half way."""

    daemon_threads = (
        False  # closing waits for them, so that no socket of theirs is left to a garbage collector
    )

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(CONTENT)
        self.cut: set[str] = set()
        self.served: list[str] = []
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        name = self.path.split("/")[-3]
        body = self.server.files.get(name) if self.path.endswith(".jar") else None
        if body is None:
            self.send_error(404)
            return
        with self.server.lock:
            self.server.served.append(name)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name in self.server.cut else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository that jgo's own configuration file names, an empty cache, and a lock file for its content."""
    with Repository() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        configuration = tmp_path / "jgo.conf"
        configuration.write_text(f"[repositories]\nlocal = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    entries = "".join(
        f'\n[[things.artifact]]\ncoordinate = "org.example:{name}:jar:1.0"\n'
        f'size_bytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        for name, content in CONTENT.items()
    )
    path = tmp_path / "lock.toml"
    path.write_text(f'[things]\nversion = "1.0"\n{entries}')
    return path


def test_fetches_what_is_locked_then_nothing(repository: Repository, lock_file: Path) -> None:
    """The first call fetches every file and says so; the second finds them and asks the repository for nothing."""
    messages: list[str] = []
    folder = ensure("things", messages.append, lock_file)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{name}-1.0.jar": content for name, content in CONTENT.items()
    }
    assert any("0 MB" in message for message in messages)
    repository.served.clear()
    assert ensure("things", messages.append, lock_file) == folder
    assert repository.served == []


@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # jgo leaves a refused response to the collector
@pytest.mark.parametrize("broken", ["other bytes", "cut", "missing"])
def test_wrong_bytes_never_get_into_the_cache(repository: Repository, lock_file: Path, broken: str) -> None:
    """A file that differs, breaks off or is missing fails by name and leaves nothing behind; a retry mends it."""
    if broken == "other bytes":
        repository.files["part-b"] = b"x" * 50_000
    elif broken == "cut":
        repository.cut.add("part-b")
    else:
        del repository.files["part-b"]
    with pytest.raises(FetchFailed, match="part-b"):
        ensure("things", lambda _: None, lock_file)
    cache = lock_file.parent / "cache" / "ringback"
    assert [path for path in cache.iterdir() if path.is_dir()] == []

    repository.files, repository.cut = dict(CONTENT), set()
    assert len(list(ensure("things", lambda _: None, lock_file).iterdir())) == 3
    gc.collect()  # here, where that warning is expected, and not in the middle of another test


def test_two_fetches_at_once_are_one(repository: Repository, lock_file: Path) -> None:
    """Of several that need the same files at once, one fetches and the others wait for it."""
    with ThreadPoolExecutor(4) as pool:
        folders = {pool.submit(ensure, "things", lambda _: None, lock_file) for _ in range(4)}
        assert len({future.result() for future in folders}) == 1
    assert sorted(repository.served) == sorted(CONTENT)


@pytest.mark.usefixtures("repository")
def test_what_a_killed_fetch_left_is_cleared(lock_file: Path) -> None:
    """Half-fetched files of a process that was killed are thrown away, and a file lost later is fetched again."""
    folder = ensure("things", lambda _: None, lock_file)
    left_over = folder.with_name(f"{folder.name}.part-killed")
    left_over.mkdir()
    (folder / "part-a-1.0.jar").write_bytes(b"cut")
    ensure("things", lambda _: None, lock_file)
    assert (folder / "part-a-1.0.jar").read_bytes() == CONTENT["part-a"]
    assert not left_over.exists()


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        '[other]\nversion = "1"',
        '[things]\nversion = "1"\n[[things.artifact]]\ncoordinate = "g:a:jar:1"\nsize_bytes = 1\nsha256 = ""',
        '[things]\nversion = "1"\n[[things.artifact]]\ncoordinate = "a"\nsize_bytes = 1\nsha256 = "'
        + "0" * 64
        + '"',
    ],
)
def test_an_unsound_lock_file_is_refused(tmp_path: Path, text: str) -> None:
    """No file is fetched on the word of a lock file that does not pin it."""
    path = tmp_path / "lock.toml"
    path.write_text(text)
    with pytest.raises(FetchFailed):
        read_lock("things", path)


def test_the_committed_lock_file_is_sound() -> None:
    """Every file is pinned, no place to fetch it from is named, and Kafka's server and client versions agree."""
    kafka = read_lock("kafka")
    versions = {a.parts[1]: a.parts[4] for a in kafka.artifacts}
    assert versions["kafka-clients"] == versions["kafka_2.13"] == kafka.version
    assert len(read_lock("registry").artifacts) == 1
    assert "://" not in LOCK_FILE.read_text()
