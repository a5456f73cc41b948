"""A fault proxy in front of each broker of a local cluster, also when a broker is started again."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from infra.chaos.proxy import FaultProxy


class FaultProxies(dict[int, FaultProxy]):
    """Node id → its proxy. `with FaultProxies() as proxies, LocalCluster.start(…, between=proxies.between)`."""

    def between(self, node: int, port: int) -> int:
        """The port at which the broker's peers are to find it; its listener is at `port`."""
        if node in self:
            self[node].close()
        self[node] = FaultProxy(port)
        return self[node].port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for proxy in self.values():
            proxy.close()
