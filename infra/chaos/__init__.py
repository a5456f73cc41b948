"""Faults made on purpose: FaultProxy stands in front of a Kafka listener. README.md says how."""

from infra.chaos.proxy import WRITE_TXN_MARKERS, FaultProxy

__all__ = ["WRITE_TXN_MARKERS", "FaultProxy"]
