"""The HTTP side: the carrier's webhooks become records, and a call that is picked up is told what to say."""

from connectors.gateway.app import create_app
from connectors.gateway.delivery import Deliveries
from connectors.gateway.limits import GatewaySettings
from connectors.gateway.server import GatewayServer, serve

__all__ = ["Deliveries", "GatewayServer", "GatewaySettings", "create_app", "serve"]
