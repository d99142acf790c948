"""Found by Django under the name of the package, see DATABASES in the settings."""

from math import inf
from typing import Any, Self

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from django.db.backends.postgresql.schema import DatabaseSchemaEditor as PostgresSchemaEditor

from channels_app.lib.postgres import Link, limits, waiting_at_most

LOOK_S = 3.0
"""For the question whether a kept connection still lives."""


class DatabaseSchemaEditor(PostgresSchemaEditor):
    """A migration may rewrite a table or make an index for as long as it takes."""

    def __enter__(self) -> Self:
        self._answer_s, limits.answer_s = limits.answer_s, inf
        return super().__enter__()

    def __exit__(self, *told: Any) -> None:
        try:
            super().__exit__(*told)
        finally:
            limits.answer_s = self._answer_s


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor

    def get_new_connection(self, conn_params: dict[str, Any]) -> Link:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return Link.connect(**conn_params)

    def is_usable(self) -> bool:
        with waiting_at_most(LOOK_S):
            return super().is_usable()

    def close_if_unusable_or_obsolete(self) -> None:
        if isinstance(self.connection, Link) and self.connection.is_suspect and not self.in_atomic_block:
            self.close()
        super().close_if_unusable_or_obsolete()
