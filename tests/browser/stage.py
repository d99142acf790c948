"""The bridge as in production beside simulators, for a browser to look at."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chatbridge.simulator.server import Options, in_thread
from tests.bridge import Bridge, fresh_database

ADMIN = "anna"
PASSWORD = "correct horse battery staple"
BEGINNING = (
    "from django.core.management import call_command",
    "call_command('migrate', verbosity=0)",
    f"call_command('createsuperuser', interactive=False, username='{ADMIN}', email='anna@example.com')",
)


@dataclass
class Stage(Bridge):
    """The processes, and what they need beyond a bridge of the other tests."""

    more: dict[str, str] = field(default_factory=dict)
    """Settings of this stage."""

    @property
    def environment(self) -> dict[str, str]:
        superuser = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        return super().environment | superuser | self.more

    def make_tables_and_superuser(self) -> None:
        """As an admin does with two commands; to start Django is most of either."""
        self.manage("shell", "--no-imports", "-c", "; ".join(BEGINNING))


@contextmanager
def raised(directory: Path, *, like: str = "", **more: str) -> Iterator[Stage]:
    """An installation with its tables and a superuser; the caller starts the processes. `like`: the database of one
    whose processes don't run."""
    with fresh_database(like=like) as url:
        stage = Stage(directory, url, more=more)
        if not like:
            stage.make_tables_and_superuser()
        try:
            yield stage
        finally:
            stage.stop()


@contextmanager
def simulators(count: int) -> Iterator[list[str]]:
    """So many inbox platforms that know nothing of each other, with bots: their addresses."""
    with ExitStack() as stack:
        yield [stack.enter_context(in_thread(Options(port=0))) for _ in range(count)]
