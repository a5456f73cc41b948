"""A carrier to practise on: the part of Twilio's REST API that we use, and the phones behind it."""

from infra.simulator.client import SimulatorClient, SimulatorError
from infra.simulator.running import RunningSimulator, serve, start
from infra.simulator.script import Behaviour, CallStep, Fault, MessageStep, Script, load_script
from infra.simulator.server import Simulator
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account, Settings

__all__ = [
    "DEMO_ACCOUNT_SID",
    "DEMO_AUTH_TOKEN",
    "Account",
    "Behaviour",
    "CallStep",
    "Fault",
    "MessageStep",
    "RunningSimulator",
    "Script",
    "Settings",
    "Simulator",
    "SimulatorClient",
    "SimulatorError",
    "load_script",
    "serve",
    "start",
]
