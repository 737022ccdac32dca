"""The peer of `bench.texts`: the `twilio` client as it comes, posting in a loop. It reads and records nothing.

Usage: ``python -m bench.bare_client THREADS COUNT``, with the product's environment; prints its seconds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from itertools import count

from twilio.rest import Client

SENTENCE = "Hi Customer 100001, You have an appointment coming up at 3:30 PM. Regards Salon 1."


def main(threads: int, total: int) -> float:
    numbers = count()
    url = os.environ["TWILIO_BASE_URL"]

    def post() -> None:
        client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
        client.api.base_url = url
        while (number := next(numbers)) < total:
            client.messages.create(
                to=f"+447400{100_000 + number % 1000:06}",
                from_=os.environ["TWILIO_PHONE_NUMBER"],
                body=SENTENCE,
                validity_period=3600,
            )

    workers = [threading.Thread(target=post) for _ in range(threads)]
    began = time.monotonic()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.monotonic() - began


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])))
