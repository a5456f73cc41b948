"""Faults made on purpose: FaultProxy stands in front of a Kafka listener. README.md says how."""

from infra.chaos.proxies import FaultProxies
from infra.chaos.proxy import END_TXN, WRITE_TXN_MARKERS, FaultProxy

__all__ = ["END_TXN", "WRITE_TXN_MARKERS", "FaultProxies", "FaultProxy"]
