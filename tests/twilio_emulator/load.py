"""How many creates a second the local Twilio takes.

`python -m tests.twilio_emulator.load [seconds] [--callbacks]`

A raw keep-alive client on a few connections, one request under way on each, against a process of its own on
loopback; with `--callbacks` each text also asks for status callbacks, at a port where nobody answers.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from urllib.parse import urlencode, urlsplit

import uvloop

from twilio_emulator.client import running_emulator
from twilio_emulator.settings import LOCAL_ACCOUNT_SID, LOCAL_AUTH_TOKEN

CONNECTIONS = 32
BODY = "Hi Ada, Your appointment at Hair & Now has been confirmed for 2026-11-24 at 9:30 AM. See you soon!"
CREDENTIALS = base64.b64encode(f"{LOCAL_ACCOUNT_SID}:{LOCAL_AUTH_TOKEN}".encode()).decode()


def create_request(number: int, callback: str | None) -> bytes:
    fields = {"To": f"+4474{number % 100_000_000:08d}", "From": "+15005550006", "Body": BODY}
    if callback:
        fields["StatusCallback"] = f"{callback}?id={number}"
    form = urlencode(fields)
    return (
        f"POST /2010-04-01/Accounts/{LOCAL_ACCOUNT_SID}/Messages.json HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Basic {CREDENTIALS}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(form)}\r\n\r\n{form}"
    ).encode()


async def create_until(stop_at: float, lane: int, host: str, port: int, callback: str | None) -> list[float]:
    """Latencies in seconds of the creates that one connection managed."""
    reader, writer = await asyncio.open_connection(host, port)
    latencies: list[float] = []
    while (started := time.perf_counter()) < stop_at:
        writer.write(create_request(lane * 1_000_000 + len(latencies), callback))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 201"), head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - started)
    writer.close()
    return latencies


async def measure(base_url: str, seconds: float, callback: str | None) -> list[float]:
    address = urlsplit(base_url)
    stop_at = time.perf_counter() + seconds
    lanes = (
        create_until(stop_at, lane, str(address.hostname), int(address.port or 80), callback)
        for lane in range(CONNECTIONS)
    )
    return sorted(latency for lane in await asyncio.gather(*lanes) for latency in lane)


def main(arguments: list[str]) -> None:
    callback = "http://127.0.0.1:9/status" if "--callbacks" in arguments else None
    seconds = next((float(a) for a in arguments if not a.startswith("-")), 5.0)
    with running_emulator() as emulator:
        latencies = uvloop.run(measure(emulator.base_url, seconds, callback))
        assert emulator.stats()["accepted"] == len(latencies)
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    sys.stdout.write(f"{len(latencies) / seconds:,.0f} creates a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms\n")


if __name__ == "__main__":
    main(sys.argv[1:])
