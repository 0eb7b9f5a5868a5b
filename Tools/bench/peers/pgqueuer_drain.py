"""pgqueuer with jobs that do nothing: puts them in, then drains them; prints jobs a second of the draining."""

import asyncio
import os
import sys
import time

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries


async def main(count):
    pool = await asyncpg.create_pool(os.environ["PEER_POSTGRES"], min_size=2, max_size=10)
    driver = AsyncpgPoolDriver(pool)
    queries = Queries(driver)
    for first in range(0, count, 1_000):
        size = min(1_000, count - first)
        await queries.enqueue(["nothing"] * size, [None] * size, [0] * size)
    queue = PgQueuer(driver)
    done = 0
    started = time.monotonic()

    @queue.entrypoint("nothing")
    async def nothing(_job):
        nonlocal done
        done += 1
        if done == count:
            print(count / (time.monotonic() - started), flush=True)
            os._exit(0)

    await queue.run(batch_size=100)


uvloop.run(main(int(sys.argv[1])))
