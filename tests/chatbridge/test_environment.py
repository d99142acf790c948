"""Settings from the environment, and that .env.example tells the truth about them."""

import ast
import os
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest

from chatbridge.environment import Environment, base_url, certificates, host_names

PROJECT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "not-a-secret-" * 4,
    "ENCRYPTION_KEYS": "A" * 43 + "=",
    "PUBLIC_BASE_URL": "https://bridge.example.com",
    "ALLOWED_HOSTS": "bridge.example.com",
    "DATABASE_URL": "postgresql://chatbridge:secret@db.example.com:5432/chatbridge?sslmode=require",
    "REDIS_URL": "redis://redis.example.com:6379/0",
}
REQUIRED = set(PRODUCTION)
PATIENCE_S = 180  # a busy machine


def test_text_is_stripped_and_has_a_default() -> None:
    env = Environment({"NAME": " value\n"})
    assert (env.text("NAME"), env.text("OTHER", "default"), env.problems) == ("value", "default", [])


def test_a_value_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    assert Environment({"NAME_FILE": str(file)}).text("NAME") == "from the file"


def test_value_and_file_together_are_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a")
    env = Environment({"NAME_FILE": str(file), "NAME": "b"})
    env.text("NAME")
    assert env.problems == ["NAME and NAME_FILE are both set: keep one of them."]


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"\xff\xfe", "it is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    env = Environment({"NAME_FILE": str(file)})
    assert env.text("NAME", "default") == "default"
    assert env.problems == [f"NAME_FILE names {file}, which can't be read: {reason}."]


@pytest.mark.parametrize(
    ("word", "value", "is_fine"),
    [("1", True, True), ("TRUE", True, True), ("0", False, True), ("", False, True), ("maybe", False, False)],
)
def test_flag(word: str, value: bool, is_fine: bool) -> None:
    env = Environment({"NAME": word})
    assert (env.flag("NAME"), not env.problems) == (value, is_fine)


@pytest.mark.parametrize(
    ("word", "value", "is_fine"),
    [("12", 12, True), ("2", 2, True), ("1", 7, False), ("-3", 7, False), ("many", 7, False), ("1" * 10, 7, False)],
)
def test_number(word: str, value: int, is_fine: bool) -> None:
    env = Environment({"NAME": word})
    assert (env.number("NAME", 7, least=2), not env.problems) == (value, is_fine)


def test_words() -> None:
    assert Environment({"NAME": "a, b,,c "}).words("NAME") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "which can't be read: No such file or directory"),
        ("", "contains no certificate"),
        ("not a certificate", "contains no certificate"),
    ],
)
def test_a_wrong_file_of_authorities_is_named(tmp_path: Path, content: str | None, problem: str) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=re.escape(str(file))) as caught:
        certificates(str(file))
    assert problem in str(caught.value)


def test_required_unless_development() -> None:
    env = Environment({})
    assert env.required("NAME", unless=True, default="stand-in", hint="…") == "stand-in"
    assert env.problems == []
    assert env.required("NAME", unless=False, default="", hint="a name") == ""
    assert env.problems == ["NAME is missing: a name"]


def test_parsed_keeps_the_sentence_of_the_error() -> None:
    env = Environment({})
    assert env.parsed("NAME", "12", int, 0) == 12
    assert env.parsed("NAME", "", int, 0) == 0
    assert env.problems == []
    assert env.parsed("URL", "ftp://x", base_url, "") == ""
    assert env.problems == ["URL: must look like https://bridge.example.com."]


@pytest.mark.parametrize(
    "text",
    ["bridge.example.com", "https://", "ftp://a", "https://a b", "https://a:port", "https://[::1", "https:\\\\a"],
)
def test_base_url_refuses_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        base_url(text)


@pytest.mark.parametrize("text", ["https://a/in", "https://a/in/", "https://a/?b", "https://a/#b", "https://me@a"])
def test_base_url_is_scheme_and_host_alone(text: str) -> None:
    with pytest.raises(ValueError, match="only scheme and host"):
        base_url(text)


@pytest.mark.parametrize("text", ["https://bridge.example.com", "http://127.0.0.1:8000", "https://[::1]:8443"])
def test_base_url_has_no_last_slash(text: str) -> None:
    assert base_url(text) == base_url(text + "/") == text


def test_host_names_in_the_forms_of_django() -> None:
    text = "bridge.example.com, .example.com,localhost,127.0.0.1,[::1],web_1,*,"
    assert host_names(text) == [entry.strip() for entry in text.split(",") if entry.strip()]


@pytest.mark.parametrize("entry", ["https://a", "a:80", "a/b", "*.example.com", "::1", "a b", "http:", "a,-b"])
def test_host_names_refuse_an_address(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host name"):
        host_names(entry)


def load_settings(variables: dict[str, str]) -> str:
    """What the start says: "" when all is well. Not in a process of its own; what a process makes of it is below."""
    with patch.dict(os.environ, variables, clear=True), redirect_stderr(StringIO()) as said:
        try:
            runpy.run_path(str(PROJECT / "chatbridge" / "settings.py"))
        except SystemExit as refusal:
            said.write(str(refusal))
    return said.getvalue()


def test_production_starts_with_all_that_is_required() -> None:
    assert load_settings(PRODUCTION) == ""


def test_production_names_all_that_is_missing_in_one_list() -> None:
    report = load_settings({})
    assert "chatbridge can't start: 6 settings are missing or wrong." in report
    assert {line.split()[1] for line in report.splitlines() if line.startswith("  - ")} == REQUIRED


def test_development_needs_nothing() -> None:
    assert load_settings({"DEBUG": "1"}) == ""


def test_wrong_values_are_named_and_secrets_are_not_shown() -> None:
    wrong = {"SECRET_KEY": "hunter2", "ENCRYPTION_KEYS": "hunter3", "DATABASE_URL": "mysql://hunter4", "DEBUG": "0"}
    report = load_settings({**PRODUCTION, **wrong, "REDIS_URL": "http://hunter5"}).rpartition("can't start")[2]
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "REDIS_URL"):
        assert name in report
    assert "hunter" not in report


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUBLIC_BASE_URL", "https://bridge.example.com/in"),
        ("ALLOWED_HOSTS", "https://bridge.example.com"),
        ("ALLOWED_HOSTS", ","),
        ("ALLOWED_PRIVATE_HOSTS", "10.1.0.0/99"),
        ("ALLOWED_PRIVATE_HOSTS", "http://bot.internal"),
        ("DATABASE_URL", "postgresql://me@db.example.com:99999/chatbridge"),
        ("REDIS_URL", "redis://redis.example.com:port/0"),
        ("PORT", "70000"),
        ("ALERT_WEBHOOK_URL", "hooks.example.com/alerts"),
        ("DEFAULT_FROM_EMAIL", "bridge"),
        ("WEB_CONCURRENCY", "0"),
    ],
)
def test_what_would_fail_later_is_refused_at_the_start(variable: str, value: str) -> None:
    report = load_settings({**PRODUCTION, variable: value})
    assert "1 setting is missing or wrong" in report
    assert f"  - {variable}" in report


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"EMAIL_HOST": "mail.example.com"}, "DEFAULT_FROM_EMAIL"),
        ({"ALERT_MAIL_TO": "lead@example.com"}, "EMAIL_HOST"),
        (
            {"EMAIL_USE_SSL": "1", "EMAIL_USE_TLS": "1"},
            "EMAIL_USE_SSL",
        ),
    ],
)
def test_alerts_by_mail_need_a_server_and_a_sender(variables: dict[str, str], missing: str) -> None:
    report = load_settings({**PRODUCTION, **variables})
    assert "1 setting is missing or wrong" in report
    assert f"  - {missing}" in report


def test_a_file_that_can_not_be_read_is_one_line_however_often_its_setting_is_read(tmp_path: Path) -> None:
    report = load_settings({**PRODUCTION, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "none")})
    assert "1 setting is missing or wrong" in report
    assert report.count("SECRET_KEY_FILE names") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("manage.py", "guard"),
        ("manage.py", "migrate"),
        ("-m", "celery", "-A", "chatbridge", "worker"),
        ("-m", "gunicorn", "chatbridge.wsgi"),
    ],
)
def test_no_process_starts_in_a_wrong_environment_and_each_shows_the_list_alone(arguments: tuple[str, ...]) -> None:
    """Once, also for the web server with its processes; and without a traceback."""
    start = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "WEB_THREADS": "none"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert start.returncode == 1
    assert start.stdout == ""
    lines = start.stderr.splitlines()
    assert lines[0] == "chatbridge can't start: 7 settings are missing or wrong."
    assert {line.split()[1] for line in lines[1:]} == REQUIRED | {"WEB_THREADS"}


def test_a_command_of_django_says_in_a_sentence_that_there_is_no_database() -> None:
    start = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **PRODUCTION, "DATABASE_URL": "postgresql://127.0.0.1:1/chatbridge"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert start.returncode == 1
    assert start.stderr.splitlines()[-1] == "CB-711: PostgreSQL can't be used: it can't be reached."
    assert "Traceback" not in start.stderr


def variables_read(path: Path) -> set[str]:
    """The names given to `env.text`, `env.flag` and so on."""
    return {
        str(call.args[0].value)
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }


def test_the_example_has_every_variable_and_marks_the_required_ones() -> None:
    example = (PROJECT / ".env.example").read_text()
    compose = set(re.findall(r"\$\{(\w+)", (PROJECT / "compose.yaml").read_text()))
    read = variables_read(PROJECT / "chatbridge" / "settings.py")
    required = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    optional = set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE))
    assert required | optional == read | compose
    assert required == REQUIRED | {"POSTGRES_PASSWORD"}


def test_a_file_gives_what_is_not_set(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("ONE='from the file'\nTWO=also\n# THREE=not\n")
    env = Environment({"TWO": "from the environment"})
    env.add_defaults(file)
    env.add_defaults(tmp_path / "missing")
    assert (env.text("ONE"), env.text("TWO"), env.text("THREE")) == ("from the file", "from the environment", "")


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Environment({"NUMBER": ""}).number("NUMBER", 7) == 7
