"""The door with requests in it that wait for their answers, and how long other events wait then.

As a program it is the requests, until it is ended.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.bench.builds import Product
from tests.bench.events import Post, conversation_id
from tests.bench.ingress import CONVERSATIONS, CROWD, WARM, send
from tests.bench.measure import Goal, show
from tests.bench.stage import Stage
from tests.bench.strangers import PATIENCE_S, PERCENTILE, connected, send_in_time
from tests.bench.table import Section
from tests.bridge import BASE_DIR

WAITING = 500
REMARK = (
    f"Signed events as in *Strangers*, while {WAITING} requests of another channel wait in the two web processes for "
    "answers to carry (`inline_answers: always`, no worker). Each waits for 3 s and comes again at once."
)


def measure(stage: Stage) -> Section:
    product = stage.build(Product)
    product.stop_workers()
    product.need_web()
    product.await_all()
    product.empty()
    product.open_conversations(CROWD, CONVERSATIONS)
    patient, door = product.channel_ids[-1], product.doors[-1]
    section = Section(title="Waiting requests", remark=REMARK, header=("waiting", "events", "median, ms", "p99, ms"))
    send(stage, section, product, CROWD, CONVERSATIONS, events=WARM)
    product.ask(
        f"UPDATE channels_app_channel SET inline_answers = 'always', revision = revision + 1 WHERE id = {patient}"
    )
    try:
        found = {}
        for count in (0, WAITING):
            with waiting(product.port, count, door):
                took = sorted(send_in_time(stage, section, product))
            found[count] = took[len(took) // 2]
            p99 = took[int(len(took) * PERCENTILE)]
            section.rows.append((str(count), f"{len(took):,}", show(found[count] * 1000), show(p99 * 1000)))
        section.goals.append(Goal(what="p99 with them, seconds", reached=p99, most=1.0))
    finally:
        product.ask(
            f"UPDATE channels_app_channel SET inline_answers = 'never', revision = revision + 1 WHERE id = {patient}"
        )
        product.empty()
    return section


@contextmanager
def waiting(port: int, count: int, path: str) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.waiting", str(port), str(count), path]
    with subprocess.Popen(command, cwd=BASE_DIR, stdin=subprocess.PIPE) as process:
        yield
        process.terminate()


def _wait(port: int, number: int, path: str) -> None:
    post = Post(f"waiting {number}")
    while True:
        with suppress(OSError), connected(port) as asking:
            while True:
                asking.sendall(post.message(path, conversation_id("patient", number), number))
                if not asking.recv(1000):
                    break


def main(port: int, count: int, path: str) -> None:
    threads = [threading.Thread(target=_wait, args=(port, number, path), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    threading.Event().wait(PATIENCE_S * 60)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
