"""The two commands as processes of their own, without the project's settings."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S

PROJECT = Path(__file__).resolve().parents[2]


def command(*args):
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    full = [sys.executable, "-m", "chatbridge.simulator", *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(full, cwd=PROJECT, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_simulator_says_when_it_is_ready_and_ends_cleanly(ending):
    process = command("simulator", "--port", "0")
    try:
        ready = process.stdout.readline()
        assert re.fullmatch(r"Simulator ready at http://127\.0\.0\.1:\d+\n", ready)
        process.send_signal(ending)
        rest, errors = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, rest, errors) == (0, "", "")
    finally:
        process.kill()


def test_a_port_in_use_is_explained(running):
    process = command("simulator", "--port", running.rpartition(":")[2])
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "--port 0" in errors
    assert "Traceback" not in errors


def test_a_piped_chat(agent, webhook):
    webhook.answer = (200, {"sendMessage": {"text": "Hi there"}})
    process = command("chat", "--simulator", agent.sim.url, "--as", "Zoë")
    screen, errors = process.communicate("hello\n/quit\n", timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    assert screen.count("Hi there") == 2
    assert agent.sim.get("conversations")[0]["contact"]["primaryIdentifier"] == "Zoë"


def test_a_chat_that_came_first_learns_where_the_simulator_is(agent, webhook, tmp_path):
    """`make chat` while the first `make run` starts, with another port than the usual one."""
    webhook.answer = (200, {"sendMessage": {"text": "Hi there"}})
    file = tmp_path / "env"
    process = command("chat", "--simulator", "http://127.0.0.1:9", "--wait", "60", "--run-file", str(file), "hello")
    assert "Nothing to talk to at http://127.0.0.1:9 yet" in process.stderr.readline()
    file.write_text(f"DEBUG=1\nSIMULATOR_URL={agent.sim.url}\n")
    screen, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Hi there" in screen


def test_a_chat_without_a_simulator_is_explained():
    process = command("chat", "--simulator", "http://127.0.0.1:9", "hello")
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "python manage.py simulator" in errors
    assert "Traceback" not in errors


def test_a_chat_waits_for_a_simulator_that_is_starting():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    chat = command("chat", "--simulator", f"http://127.0.0.1:{port}", "--wait", "60", "hello")
    assert "Is `make run` starting?" in chat.stderr.readline()
    simulator = command("simulator", "--port", str(port))
    try:
        assert "ready" in simulator.stdout.readline()
        assert chat.poll() is None  # there is nobody to talk to yet
        account = {"flavour": "hootsuite", "client_id": "id"}
        agent = {"client_id": "id", "webhook_url": "http://127.0.0.1:9/"}
        for path, body in (("accounts", account), ("virtual-agents", agent)):
            requests.post(f"http://127.0.0.1:{port}/sim/{path}", json=body, timeout=PATIENCE_S).raise_for_status()
        screen, _ = chat.communicate(timeout=PATIENCE_S)
        assert "conversation" in screen
    finally:
        for process in (chat, simulator):
            process.kill()
            process.communicate()
