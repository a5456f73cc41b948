"""Settings: what Ringback is told from outside, as one frozen value.

Every setting is an environment variable and, on the commands that use it, a flag. `table.py` is the one list of them:
reading, checking, flags and `ringback config` derive from it. Secrets are masked wherever a setting is shown.
"""

from connectors.settings.kafka_security import security_variable
from connectors.settings.masking import MASK, mask_url
from connectors.settings.setting import Setting, SettingsError
from connectors.settings.settings import Settings, default_state_dir
from connectors.settings.table import SETTINGS

__all__ = [
    "MASK",
    "SETTINGS",
    "Setting",
    "Settings",
    "SettingsError",
    "default_state_dir",
    "mask_url",
    "security_variable",
]
