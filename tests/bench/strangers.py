"""The door with strangers in it: half requests and log-ins by hundreds, and how long a signed event waits then.

As a program it is the strangers, until it is ended.
"""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

import requests

from tests.bench.builds import Product
from tests.bench.events import Post, conversation_id
from tests.bench.ingress import CONVERSATIONS, CROWD, WARM, send
from tests.bench.measure import Goal, show
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bridge import BASE_DIR

SOCKETS = 2000
LOG_INS = 100
PER_S = 40
PATIENCE_S = 10.0
"""The platform's own."""
PERCENTILE = 0.99
HALF = (
    b"POST /webhooks/inbox/5b784e97-34fa-41e9-bf33-f1b7c89708ca/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx"
)
REMARK = (
    f"{PER_S} signed events a second, each over a new connection, from the moment when the strangers come. *Half "
    "requests*: sockets with `Content-Length: 1000` and one byte of body, opened again when the server closes them. "
    "*Log-ins*: with names that nobody has, each again as soon as it is answered, so many at a time."
)


def measure(stage: Stage) -> Section:
    product = stage.build(Product)
    product.stop_workers()
    product.need_web()
    product.await_all()
    product.empty()
    product.open_conversations(CROWD, CONVERSATIONS)
    send(stage, Section(title="warm"), product, CROWD, CONVERSATIONS, events=WARM)
    section = Section(title="Strangers", remark=REMARK, header=("strangers", "events", "median, ms", "p99, ms"))
    cases = {"none": (0, 0), f"{SOCKETS:,} half requests": (SOCKETS, 0), f"and {LOG_INS} log-ins": (SOCKETS, LOG_INS)}
    for name, (sockets, log_ins) in cases.items():
        with strangers(product.port, sockets, log_ins):
            took = sorted(send_in_time(stage, section, product))
        p99 = took[int(len(took) * PERCENTILE)]
        section.rows.append((name, f"{len(took):,}", show(took[len(took) // 2] * 1000), show(p99 * 1000)))
    section.goals.append(Goal(what="p99 with all of them, seconds", reached=p99, most=1.0))
    product.empty()
    return section


def send_in_time(stage: Stage, section: Section, product: Product) -> list[float]:
    """Seconds that each event took, sent at its time whatever became of those before."""
    post, count = Post(stage.next_seed()), round(PER_S * max(stage.plan.open_s, 5.0))
    path = product.doors[0]
    events = [post.message(path, conversation_id(CROWD, number % CONVERSATIONS), number) for number in range(count)]
    took: list[float] = []
    threads = []
    began_at = time.monotonic()
    for number, event in enumerate(events):
        time.sleep(max(0.0, began_at + number / PER_S - time.monotonic()))
        threads.append(threading.Thread(target=_ask, args=(product.port, event, took, section)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return took


def _ask(port: int, event: bytes, took: list[float], section: Section) -> None:
    began_at = time.monotonic()
    try:
        with connected(port) as asking:
            asking.sendall(event)
            answer = asking.recv(1000)
    except OSError as error:
        answer = str(error).encode()
    took.append(time.monotonic() - began_at)
    if b" 200 " not in answer[:15]:
        section.faults.append(f"an event was answered {answer[:40]!r}")


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


@contextmanager
def strangers(port: int, sockets: int, log_ins: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.strangers", str(port), str(sockets), str(log_ins)]
    with subprocess.Popen(command, cwd=BASE_DIR, stdin=subprocess.PIPE) as process:
        yield
        process.terminate()


# --- the strangers ------------------------------------------------------------------------------------------------


def _hold(port: int, sockets: int) -> None:
    with ExitStack() as held:
        while True:
            for _ in range(sockets):
                try:
                    one = held.enter_context(connected(port))
                    one.sendall(HALF)
                except OSError:
                    continue
            time.sleep(PATIENCE_S)
            held.close()


def _log_in(port: int, number: int) -> None:
    url = f"http://127.0.0.1:{port}/admin/login/"
    while True:
        try:
            session = requests.Session()
            page = session.get(url, timeout=60).text
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
            form = {"username": f"n{number}-{time.time()}", "password": "guess"}
            fields = form | {"csrfmiddlewaretoken": token[1] if token else ""}
            answer = session.post(url, fields, timeout=60, headers={"Referer": url})
            if answer.status_code != HTTPStatus.OK:
                print("log-in:", answer.status_code, file=sys.stderr)
        except requests.RequestException:
            time.sleep(0.1)


def main(port: int, sockets: int, log_ins: int) -> None:
    for number in range(log_ins):
        threading.Thread(target=_log_in, args=(port, number), daemon=True).start()
    _hold(port, sockets)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
