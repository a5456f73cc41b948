"""Our side of the carrier: the client that places calls, and the signature of its webhooks."""

from connectors.carrier.client import REAL_BASE_URL, TwilioCarrier
from connectors.carrier.http import Timeouts
from connectors.carrier.signature import HEADER, compute_signature, signature_is_valid

__all__ = ["HEADER", "REAL_BASE_URL", "Timeouts", "TwilioCarrier", "compute_signature", "signature_is_valid"]
