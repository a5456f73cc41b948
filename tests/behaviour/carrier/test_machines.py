"""Answering machines, as our client asks for their detection and the carrier tells of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from connectors.carrier import TwilioCarrier
from infra.simulator import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, RunningSimulator
from streams.once.carrier import CallRequest, Placed
from tests.behaviour.carrier.conftest import ALICE, OURS
from tests.behaviour.carrier.customer import Customer


@pytest.mark.parametrize(
    ("detect", "outcome", "told"),
    [
        (None, "machine", None),
        ("start", "machine", "machine_start"),
        ("end", "machine", "machine_end_beep"),
        ("start", "answer", "human"),
    ],
)
def test_who_picked_up_is_told_where_we_asked(
    simulator: RunningSimulator,
    customer: Customer,
    detect: Literal["start", "end"] | None,
    outcome: str,
    told: str | None,
) -> None:
    """`detect_machine` becomes the carrier's MachineDetection, and AnsweredBy comes with the request for the words."""
    simulator.control.behave(ALICE, {"outcome": outcome})
    plain = CallRequest(
        ALICE, OURS, customer.url("/voice"), customer.url("/voice"), customer.url("/status"), 30
    )

    async def place() -> object:
        async with TwilioCarrier(DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, simulator.base_url) as carrier:
            return await carrier.place_call(replace(plain, detect_machine=detect))

    assert isinstance(asyncio.run(place()), Placed)
    assert customer.receive("/voice").params.get("AnsweredBy") == told
