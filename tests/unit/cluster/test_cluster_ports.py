"""Ports: no two leases share one, whoever asks and when."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.cluster.errors import ClusterError
from infra.cluster.ports import FALLBACK_PORTS, PortLease, is_free, lease_port


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def free() -> int:
    with lease_port(None) as found:
        return found.port


def test_a_free_port_is_given_as_asked(free: int) -> None:
    """The preferred port is the one that is leased."""
    with lease_port(free) as lease:
        assert lease.port == free


def test_a_lease_keeps_others_off_until_it_ends(free: int) -> None:
    """A leased port is not given again, though nothing listens on it yet; after its release it is."""
    with lease_port(free) as first:
        with lease_port(free) as second:
            assert second.port != first.port
        with pytest.raises(ClusterError, match=str(free)):
            lease_port(free, exact=True)
    with lease_port(free, exact=True) as again:
        assert again.port == free


def test_a_port_that_a_stranger_listens_on_is_not_given(free: int) -> None:
    """A listener that knows nothing of leases keeps its port."""
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        stranger.bind(("127.0.0.1", free))
        stranger.listen()
        assert not is_free(free)
        with lease_port(free) as lease:
            assert lease.port in FALLBACK_PORTS
            assert lease.port != free


def test_many_at_once_get_different_ports() -> None:
    """Sixteen that look for the same port at the same moment get sixteen ports."""
    with ThreadPoolExecutor(16) as pool:
        leases: list[PortLease] = list(pool.map(lambda _: lease_port(None), range(16)))
    try:
        assert len({lease.port for lease in leases}) == 16
    finally:
        for lease in leases:
            lease.release()
