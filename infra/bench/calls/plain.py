"""The yardstick: the same HTTP requests through the same client, without Kafka, Redis and their promises.

python -m infra.bench.calls.plain BASE_URL NUMBER IN_FLIGHT     prints calls a second, CPU us a call, as JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from connectors.carrier.client import TwilioCarrier
from connectors.event_loop import new_event_loop
from connectors.gateway.urls import call_urls
from infra.bench.calls.due import PUBLIC_URL, phone
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from streams.calls.following import RING_TIMEOUT_S
from streams.ids import CallKey
from streams.once.carrier import CallRequest, Placed

WARM = 300


def request(number: int) -> CallRequest:
    urls = call_urls(PUBLIC_URL, CallKey(f"r{number}", 0, 1, 1), f"t0|{phone(number)}", 1, "n")
    return CallRequest(
        phone(number), "+13125550000", urls.url, urls.fallback_url, urls.status_callback, RING_TIMEOUT_S
    )


async def place(base_url: str, number: int, in_flight: int) -> dict[str, float]:
    """Every call must be Placed."""
    async with TwilioCarrier(
        DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, base_url, max_connections=in_flight
    ) as carrier:

        async def take_turns(numbers: list[int]) -> None:
            async def one_after_the_other() -> None:
                while numbers:
                    result = await carrier.place_call(request(numbers.pop()))
                    assert isinstance(result, Placed), result

            await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))

        await take_turns(list(range(WARM)))
        began_s, cpu_s = time.perf_counter(), time.process_time()
        await take_turns(list(range(WARM, WARM + number)))
        took_s = time.perf_counter() - began_s
        return {"per_s": number / took_s, "cpu_us": (time.process_time() - cpu_s) / number * 1e6}


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        print(json.dumps(runner.run(place(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
