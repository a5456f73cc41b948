"""The lag of every consumer group, in offsets, records and seconds: see README.md."""

from connectors.lag.exporter import Exporter, Lag, Observer
from connectors.lag.plan import Backlogs
from connectors.lag.server import LagServer

__all__ = ["Backlogs", "Exporter", "Lag", "LagServer", "Observer"]
