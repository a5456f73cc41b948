"""SMS whose webhook never reached us: found in the carrier's list, written to `sms.inbound`."""

from connectors.backfill.comparing import Comparison, Inbox, Log, Lost, Report, compare
from connectors.backfill.log import SmsLog

__all__ = ["Comparison", "Inbox", "Log", "Lost", "Report", "SmsLog", "compare"]
