"""What a test of a connection found."""

from dataclasses import dataclass
from typing import Self

from channels_app.codes import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One line of "Test connection": what was tried, whether it went well, and what to do if not."""

    title: str
    is_ok: bool
    detail: str
    took_ms: int | None = None
    code: str = ""
    """The catalogue's, of a line that is not well."""
    is_note: bool = False
    """No verdict, only good to know."""

    @classmethod
    def failed(cls, title: str, problem: Problem, took_ms: int | None = None) -> Self:
        return cls(title=title, is_ok=False, detail=problem.text, took_ms=took_ms, code=str(problem.code))
