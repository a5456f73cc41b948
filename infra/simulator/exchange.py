"""The telephone exchange: everything the simulator knows, wired together. The HTTP doors are api.py, admin.py."""

import random
from pathlib import Path

from infra.simulator.callbacks import Callbacks
from infra.simulator.calling import Calling
from infra.simulator.conversation import Conversation
from infra.simulator.faults import Faults
from infra.simulator.listing import CALL_TIMES, MESSAGE_TIMES, Ledger
from infra.simulator.messaging import Messaging
from infra.simulator.numbers import Numbers
from infra.simulator.pacing import Pace
from infra.simulator.records import Call, Message
from infra.simulator.script import Script
from infra.simulator.settings import Account, Settings
from infra.simulator.tasks import Tasks
from infra.simulator.truth import TruthLog
from infra.simulator.webhooks import Webhooks


class OfAccount:
    """One account's records and paces."""

    def __init__(self, account: Account, settings: Settings) -> None:
        self.account = account
        self.calls: Ledger[Call] = Ledger(CALL_TIMES, settings.max_records)
        self.messages: Ledger[Message] = Ledger(MESSAGE_TIMES, settings.max_records)
        self.call_pace = Pace(account.calls_per_second, settings.queue_limit)
        self.message_pace = Pace(account.messages_per_second, settings.queue_limit)


class Exchange:
    """Make and close it within a running event loop."""

    def __init__(self, settings: Settings, script: Script | None = None) -> None:
        self.settings = settings
        self.era = 0  # counts resets
        rng = random.Random(settings.seed)
        path = None if settings.truth_file is None else Path(settings.truth_file)
        self.truth = TruthLog(path, settings.max_truth)
        self.tasks = Tasks()
        self.numbers = Numbers()
        self.faults = Faults(self.truth, rng)
        self.webhooks = Webhooks(settings, self.truth)
        callbacks = Callbacks(self.webhooks, self.faults, self.truth, self.tasks, rng)
        conversation = Conversation(settings, self.truth, self.webhooks, self.faults)
        self.calling = Calling(
            settings=settings,
            truth=self.truth,
            numbers=self.numbers,
            callbacks=callbacks,
            conversation=conversation,
            tasks=self.tasks,
        )
        self.messaging = Messaging(
            settings=settings,
            truth=self.truth,
            numbers=self.numbers,
            callbacks=callbacks,
            webhooks=self.webhooks,
            faults=self.faults,
            tasks=self.tasks,
        )
        self.accounts: dict[str, OfAccount] = {}
        for account in settings.accounts:
            self.open_account(account)
        if script is not None:
            self.apply(script)

    def apply(self, script: Script) -> None:
        for account in script.accounts:
            self.open_account(account)
        self.numbers.set(script.behaviours)
        self.faults.add(script.faults)

    def open_account(self, account: Account) -> None:
        """Add it, or replace it with its records; calls of the old one go on."""
        self.accounts[account.sid] = OfAccount(account, self.settings)

    def account_of_number(self, number: str) -> OfAccount | None:
        """The account that has called or texted from this number; with a single account, that one."""
        if len(self.accounts) == 1:
            return next(iter(self.accounts.values()))
        for account in self.accounts.values():
            for ledger in (account.calls, account.messages):
                if any(record.from_ == number for record in ledger.all()):
                    return account
        return None

    async def reset(self) -> None:
        """Forget calls, messages, rules and behaviours; of the ground truth the file stays, with a mark."""
        await self._stop()
        self.era += 1
        for account in list(self.accounts.values()):
            self.open_account(account.account)
        self.numbers.clear()
        self.faults.clear()
        self.calling.dialed.clear()
        self.messaging.sent.clear()
        self.truth.forget()
        self.truth.write("reset")

    async def close(self) -> None:
        await self._stop()
        await self.webhooks.close()
        self.truth.close()

    async def _stop(self) -> None:
        for account in self.accounts.values():
            account.call_pace.close()
            account.message_pace.close()
        await self.tasks.cancel_all()
