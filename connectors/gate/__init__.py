"""The gate over a Redis-protocol server (`streams.once.gate` says what a gate is)."""

from connectors.gate.redis_gate import RedisGate

__all__ = ["RedisGate"]
