"""A replica beside the cluster's Redis, which takes the primary's place when that is lost: a failover, by hand.

The place is the primary's own port, as a moved virtual address or a Sentinel's answer would be: clients keep their URL.
What the replica had not received by `detach` is lost with the primary.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from infra.cluster import ChildProcess, LocalCluster, valkey
from infra.cluster.ports import lease_port
from tests.waiting import until


class RedisPair:
    """The cluster's Redis as primary, and a replica of it; a context manager."""

    def __init__(self, cluster: LocalCluster, folder: Path) -> None:
        self._cluster = cluster
        self._port = urlsplit(cluster.redis_url).port or 0
        self._lease = lease_port(None)
        folder.mkdir(parents=True)
        command = valkey.command(valkey.find_valkey(), self._lease.port)
        command += ["--replicaof", f"127.0.0.1 {self._port}"]
        self._replica = ChildProcess.spawn(command, name="replica", log=folder / "out.log", cwd=folder)
        self._client = Redis(port=self._lease.port, socket_timeout=5)

    def __enter__(self) -> RedisPair:
        return self

    def __exit__(self, *_: object) -> None:
        """The replica goes; the cluster's own Redis comes back, with the memory that it had when it was lost."""
        self._client.close()
        self._replica.kill()
        self._lease.release()
        self._cluster.start_redis()

    def in_step(self) -> bool:
        """Has the replica everything that the primary had when it was asked?"""
        with Redis(port=self._port) as primary:
            try:
                offset = int(primary.info("replication")["master_repl_offset"])
                mine = self._client.info("replication")
            except RedisError:
                return False
        return mine["master_link_status"] == "up" and int(mine["slave_repl_offset"]) >= offset

    def detach(self) -> None:
        """From now on the replica receives nothing; what is written meanwhile only the primary has."""
        self._client.replicaof("NO", "ONE")

    def lacks(self, pattern: str) -> int:
        """How many keys of this pattern only the primary has."""
        with Redis(port=self._port) as primary:
            return len(set(primary.scan_iter(pattern)) - set(self._client.scan_iter(pattern)))

    def fail_over(self) -> None:
        """The primary is lost; the replica is what clients find under its address."""
        self._cluster.stop_redis(kill=True)
        # A connection that the dead one had may hold the port for a moment.
        until(self._moved, "the primary's port becomes free", 10, 0.05)
        self._client = Redis(port=self._port, socket_timeout=5)

    def _moved(self) -> bool:
        """Does the replica listen on the primary's port now?"""
        try:
            return bool(self._client.config_set("port", self._port))
        except RedisError:
            return False
