"""`make run`: its parts, and the whole of it from nothing."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from chatbridge.local import demo, install, lock, processes
from chatbridge.local import run as run_module
from chatbridge.local.__main__ import port_of, serve, summary
from chatbridge.local.database import renew_admin_password
from chatbridge.local.kept import Kept
from chatbridge.local.processes import Child, LocalError, require_free
from chatbridge.local.run import Run
from chatbridge.local.watchdog import Watchdog
from chatbridge.simulator.server import in_thread

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180  # a busy machine


def test_secrets_are_the_same_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    first = Kept.load(file)
    first.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Kept.load(file) == first != Kept()


@pytest.mark.parametrize("content", ["not json", "[]", '{"unknown": 1}', "1"])
def test_secrets_that_cannot_be_read_are_not_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)
    with pytest.raises(LocalError, match="Repair it, or remove"):
        Kept.load(file)
    assert file.read_text() == content


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8000 "])
def test_a_port_must_be_a_port(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(LocalError, match="PORT must be a port number"):
        port_of("PORT", 8000)


def test_a_port_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    assert port_of("PORT", 8000) == 8000


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LocalError, match=f"Port {port} is not free: .* make run PORT={port + 1}"):
            require_free(port, "PORT")
    require_free(port, "PORT")


def test_a_child_that_ends_is_named_with_its_last_words(tmp_path: Path) -> None:
    child = Child("guard", tmp_path, "-c", "raise SystemExit('no such thing')")
    deadline = time.monotonic() + PATIENCE_S
    with pytest.raises(LocalError, match=r"(?s)guard ended unexpectedly \(status 1\).*no such thing"):
        while time.monotonic() < deadline:
            child.check()
            time.sleep(0.05)


def test_a_child_that_was_killed_is_started_again_with_all_that_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LEAST_LIFE_S", 0)
    child = Child("worker", tmp_path, "-c", "import time; print('up', flush=True); time.sleep(600)")
    killed = child.group
    try:
        _until(lambda: child.log.read_text() == "up\n")
        assert not child.revive()
        os.kill(killed, signal.SIGKILL)
        _until(child.revive)
        assert child.group != killed
        _until(lambda: child.log.read_text() == "up\nup\n")
        monkeypatch.setattr(processes, "LEAST_LIFE_S", PATIENCE_S)
        os.kill(child.group, signal.SIGKILL)
        with pytest.raises(LocalError, match=r"worker ended unexpectedly \(status -9\)"):
            _until(child.revive)
    finally:
        child.stop()


def test_a_run_goes_on_when_its_watchdog_was_killed() -> None:
    watchdog = Watchdog()
    watchdog._process.kill()
    watchdog._process.wait()
    watchdog.watch(1)
    watchdog.dismiss()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_stubborn_child_ends_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_PATIENCE_S", 0.2)
    deaf = "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    script = f"{deaf}; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    child = Child("worker", tmp_path, "-c", script)
    deadline = time.monotonic() + PATIENCE_S
    while not child.log.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.05)
    grandchild = int(child.log.read_text())
    child.stop()
    while is_alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(grandchild)


def is_alive(process: int) -> bool:
    """A zombie is not, though it keeps its number where nobody collects it."""
    states = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return states.stdout.strip()[:1] not in ("", "Z")


@pytest.mark.django_db
def test_the_admin_gets_a_fresh_password_until_they_choose_one() -> None:
    assert renew_admin_password("", "first")
    admin = User.objects.get(username="admin")
    assert admin.is_superuser
    assert admin.check_password("first")
    assert renew_admin_password("first", "second")
    admin.refresh_from_db()
    assert admin.check_password("second")
    admin.set_password("their own")
    admin.save()
    assert not renew_admin_password("second", "third")
    admin.refresh_from_db()
    assert admin.check_password("their own")


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The configurations that were applied."""
    seen: list[dict[str, Any]] = []

    def apply(file: Path) -> dict[str, Any]:
        assert file.stat().st_mode & 0o777 == 0o600
        seen.append(json.loads(file.read_text()))
        addresses = {name: f"http://127.0.0.1:8000/webhooks/{name}/" for name in ("webhook_url", "write_back_url")}
        return {"channels": [{"name": "Demo", **addresses}]}

    monkeypatch.setattr(demo, "apply_configuration", apply)
    return seen


def test_the_demo_is_connected_as_an_admin_would(tmp_path: Path, applied: list[dict[str, Any]]) -> None:
    kept = Kept()
    with in_thread() as simulator:
        demo.open_account(simulator, kept)
        demo.connect_demo(simulator, kept, tmp_path / "demo.json")
    first, second = applied
    channel = first["channels"][0]
    assert "shared_secret" not in channel
    assert channel["settings"] == {"base_url": simulator, **kept.account}
    assert channel["bot"] == first["bots"][0]["name"]
    assert first["bots"][0]["settings"] == {"url": f"{simulator}/bot"}
    agents = {"write_back_secret": kept.write_back_secret}
    assert second["channels"][0] == {**channel, "shared_secret": kept.shared_secret, "offload_provider": agents}
    assert bytes.fromhex(kept.shared_secret) and bytes.fromhex(kept.write_back_secret)


def test_the_next_start_brings_the_same_keys_to_an_empty_simulator(
    tmp_path: Path, applied: list[dict[str, Any]]
) -> None:
    kept = Kept()
    for _ in range(2):
        with in_thread() as simulator:
            demo.open_account(simulator, kept)
            demo.connect_demo(simulator, kept, tmp_path / "demo.json")
    _, before, after = applied
    assert before["channels"][0]["shared_secret"] == after["channels"][0]["shared_secret"]
    assert before["channels"][0]["settings"]["client_secret"] == after["channels"][0]["settings"]["client_secret"]


def test_a_simulator_that_refuses_is_a_sentence(tmp_path: Path, applied: list[dict[str, Any]]) -> None:
    kept = Kept(shared_secret="no hex")
    with in_thread() as simulator:
        demo.open_account(simulator, kept)
        with pytest.raises(LocalError, match="did not accept the demo: 4"):
            demo.connect_demo(simulator, kept, tmp_path / "demo.json")


def test_the_simulator_knows_the_keys_before_a_guard_can_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the channel's page would say at each start that its keys are refused."""
    seen: list[str] = []

    class Quiet:
        group = 0

        def __init__(self, name: str, *_: object) -> None:
            seen.append(name)

        def stop(self) -> None:
            pass

    monkeypatch.setattr(run_module, "Child", Quiet)
    monkeypatch.setattr(run_module, "Watchdog", lambda: None)
    monkeypatch.setattr(run_module, "open_account", lambda *_: seen.append("account"))
    monkeypatch.setattr(run_module, "connect_demo", lambda *_: seen.append("demo"))
    monkeypatch.setattr(run_module, "close_connections", lambda: None)
    for name in ("_start_servers", "_await"):
        monkeypatch.setattr(Run, name, lambda *_: iter(()))
    for name in ("_set_environment", "_prepare_database"):
        monkeypatch.setattr(Run, name, lambda *_: None)
    run = Run(tmp_path, port=free_port(), simulator_port=free_port())
    list(run.start())
    run.stop()
    assert seen == ["simulator", "account", "web", "worker", "guard", "demo"]


def test_other_terminals_get_all_that_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNS_AT_ONCE", "3")
    monkeypatch.setenv("STATUS_PAGE_URL_FILE", "/run/the page")
    monkeypatch.setenv("HOMEPAGE", "of somebody else")
    lines = run_module._environment().splitlines()
    assert {"TURNS_AT_ONCE=3", "STATUS_PAGE_URL_FILE='/run/the page'"} <= set(lines)
    assert not [line for line in lines if line.startswith("HOMEPAGE")]


def test_a_directory_belongs_to_one_run(tmp_path: Path) -> None:
    held = lock.take_lock(tmp_path / "run.lock")
    assert held is not None
    (tmp_path / "env").write_text("DEBUG=1\n")
    run = Run(tmp_path, port=free_port(), simulator_port=free_port())
    with pytest.raises(LocalError, match=r"Another `make run` uses .* Stop it first"):
        list(run.start())
    run.stop()
    assert (tmp_path / "env").exists()

    asked = [sys.executable, lock.__file__, str(tmp_path / "run.lock")]  # as `make clean` does
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (
        1,
        "make run is running: stop it first (Ctrl-C where it was typed).\n",
    )
    held.close()
    assert subprocess.run(asked, check=False).returncode == 0


def test_the_summary_says_what_to_type(tmp_path: Path) -> None:
    run = Run(tmp_path, port=8001, simulator_port=9001, password="swordfish")
    text = summary(run)
    assert "http://127.0.0.1:8001/admin/" in text
    assert "user: admin   password: swordfish" in text
    assert "make chat" in text
    run.password = ""
    assert "with the password you chose" in summary(run)


def test_a_failure_is_said_and_everything_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = Run(tmp_path, port=server.getsockname()[1], simulator_port=9001)
        assert serve(run, threading.Event(), exit_when_ready=True) == 1
    assert "is not free" in capsys.readouterr().out


# --- the whole ----------------------------------------------------------------------------------------------------

# A start costs half a minute of a processor, so each shows several things. They come one after the other in one
# directory: from nothing; again, and killed; killed again when it was ready; at once after that, and stopped.


@contextlib.contextmanager
def started(
    directory: Path, *arguments: str, port: int = 0, simulator_port: int = 0
) -> Iterator["subprocess.Popen[str]"]:
    given = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "PUBLIC_BASE_URL", "DEBUG")
    environment = {name: value for name, value in os.environ.items() if name not in given}
    ports = {"PORT": str(port or free_port()), "SIMULATOR_PORT": str(simulator_port or free_port())}
    few = {"WEB_CONCURRENCY": "1"}  # the second would show nothing that the first doesn't
    process = subprocess.Popen(
        [sys.executable, "-m", "chatbridge.local", *arguments],
        cwd=PROJECT,
        env={**environment, **ports, **few, "CHATBRIDGE_LOCAL_DIR": str(directory)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def shown_until(words: str, process: "subprocess.Popen[str]") -> str:
    """What is on the screen up to the line with these words, or to the end."""
    shown = ""
    for line in process.stdout or ():
        shown += line
        if words in line:
            break
    return shown


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@dataclass(frozen=True)
class Ended:
    """A run that has ended by itself."""

    shown: str
    status: int
    remains: set[str]
    """What it left that says it still runs."""


@dataclass(frozen=True)
class Killed:
    """A run that was killed when it was ready, and a contact had talked to its bot."""

    shown: str
    chat: str
    ports: dict[str, int]
    redis_port: int
    postgres: int


def ended(home: Path, process: "subprocess.Popen[str]", shown: str = "") -> Ended:
    output, _errors = process.communicate(timeout=PATIENCE_S)
    remains = {path.name for path in home.iterdir()} & {"env", "postgres.url", "redis.url"}
    return Ended(shown + output, process.returncode, remains)


def stopped_at(moment: str, home: Path, **ports: int) -> Ended:
    with started(home, **ports) as process:
        shown = shown_until(moment, process)
        process.send_signal(signal.SIGTERM)
        return ended(home, process, shown)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Not pytest's tmp_path, see test_embedded.py."""
    with tempfile.TemporaryDirectory(prefix="chatbridge-") as directory:
        yield Path(directory)


@pytest.fixture(scope="module")
def first(home: Path) -> Ended:
    with started(home, "--exit-when-ready") as process:
        return ended(home, process)


@pytest.fixture(scope="module")
def killed(home: Path, first: Ended) -> Killed:
    ports = {"port": free_port(), "simulator_port": free_port()}
    with started(home, **ports) as process, contextlib.redirect_stdout(StringIO()) as chat:
        shown = shown_until("Ctrl-C stops everything", process)
        postgres = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
        redis_port = int((home / "redis.url").read_text().strip().rpartition(":")[2].partition("/")[0])
        call_command("chat", "hello", simulator=f"http://127.0.0.1:{ports['simulator_port']}")
        process.kill()
    return Killed(shown, chat.getvalue(), ports, redis_port, postgres)


@pytest.fixture(scope="module")
def left(killed: Killed) -> list[int]:
    """Of the killed run, with all the time that it may need: the ports that are taken, and the server's process."""

    def still() -> list[int]:
        ports = [port for port in (*killed.ports.values(), killed.redis_port) if is_taken(port)]
        return [*ports, *([killed.postgres] if is_alive(killed.postgres) else [])]

    deadline = time.monotonic() + PATIENCE_S
    while still() and time.monotonic() < deadline:
        time.sleep(0.1)
    return still()


@pytest.fixture(scope="module")
def at_once(home: Path, killed: Killed, left: list[int]) -> tuple[str, Ended]:
    """What the run after the killed one showed before it was killed too, and the start right after that."""
    with started(home, **killed.ports) as process:
        shown = shown_until("Ctrl-C stops everything", process)
        process.kill()
        return shown, stopped_at("chatbridge runs", home, **killed.ports)


def password(shown: str) -> str:
    return str(re.findall(r"password: (\S+)", shown)[0])


@pytest.mark.xdist_group("local")
def test_from_nothing_to_ready_and_again(first: Ended, killed: Killed) -> None:
    assert first.status == 0, first.shown
    assert first.remains == set()
    assert "chatbridge runs" in killed.shown
    assert password(first.shown) != password(killed.shown)


@pytest.mark.xdist_group("local")
def test_the_demo_bot_answers(killed: Killed) -> None:
    assert "chatbridge runs" in killed.shown
    assert re.search(r"^bot .*I am the demo bot", killed.chat, re.MULTILINE), killed.chat


@pytest.mark.xdist_group("local")
def test_after_a_kill_nothing_is_left_and_the_next_start_finds_its_ports_free(
    left: list[int], at_once: tuple[str, Ended]
) -> None:
    assert left == []
    shown, _ = at_once
    assert "chatbridge runs" in shown


@pytest.mark.xdist_group("local")
def test_the_next_start_may_come_at_once_after_a_kill(at_once: tuple[str, Ended]) -> None:
    _, after = at_once
    assert "chatbridge runs" in after.shown
    assert after.status == 0, after.shown


@pytest.mark.xdist_group("local")
def test_stopped_while_it_runs_it_ends_cleanly(at_once: tuple[str, Ended]) -> None:
    _, after = at_once
    assert after.status == 0, after.shown
    assert "Stopping" in after.shown
    assert after.remains == set()


@pytest.mark.xdist_group("local")
@pytest.mark.parametrize("moment", ["PostgreSQL", "tables", "guard"])
def test_stopped_at_any_moment_of_its_start_it_ends_cleanly(home: Path, moment: str) -> None:
    stopped = stopped_at(moment, home)
    assert stopped.status == 0, stopped.shown
    assert "Stopping" in stopped.shown or moment == "PostgreSQL"
    assert stopped.remains == set()


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_second_make_waits_for_the_first_and_installs_nothing(tmp_path: Path) -> None:
    """Both say what they do; the second finds the first's stamp."""
    for name in install.REQUIREMENTS:
        (tmp_path / name).touch()
    stamp = tmp_path / ".venv" / ".installed"
    command = [sys.executable, install.__file__, str(tmp_path / "requirements-dev.txt"), str(stamp)]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "Building .venv …\n"
    second = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    rest, _ = first.communicate(timeout=PATIENCE_S)
    assert (first.returncode, rest) == (0, "Installing the requirements …\n")
    assert stamp.exists()
    assert (second.returncode, second.stdout) == (0, "Another make is installing the requirements. Waiting for it …\n")
