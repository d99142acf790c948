"""The audit log: added to, and never changed."""

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction

from channels_app.access.audit import Actor, record_audit
from channels_app.models import AuditEntry


@pytest.fixture
def entry(db: None) -> AuditEntry:
    user = User.objects.create_user("anna")
    record_audit(Actor(name="anna", user_id=user.pk, address="203.0.113.7", via="admin"), "paused", user)
    return AuditEntry.objects.get()


def test_a_row_keeps_who_did_what_to_what_and_from_where(entry: AuditEntry) -> None:
    assert (entry.actor, entry.action, entry.object_type, entry.object_name) == ("anna", "paused", "user", "anna")
    assert (entry.address, entry.via) == ("203.0.113.7", "admin")


def test_a_row_is_neither_saved_again_nor_deleted(entry: AuditEntry) -> None:
    entry.actor = "somebody else"
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE channels_app_auditentry SET actor = 'somebody else'",
        "UPDATE channels_app_auditentry SET actor = 'somebody else', user_id = NULL",
        "UPDATE channels_app_auditentry SET reason = 'none'",
        "DELETE FROM channels_app_auditentry",
        "TRUNCATE channels_app_auditentry",
        "TRUNCATE auth_user CASCADE",
        "SET LOCAL session_replication_role = replica; DELETE FROM channels_app_auditentry",
        "SET LOCAL session_replication_role = replica; TRUNCATE channels_app_auditentry",
        "INSERT INTO channels_app_auditentry SELECT * FROM channels_app_auditentry ON CONFLICT (id) DO UPDATE "
        "SET actor = 'somebody else'",
        "MERGE INTO channels_app_auditentry USING auth_user ON true WHEN MATCHED THEN DELETE",
    ],
)
def test_the_table_itself_refuses_changes(entry: AuditEntry, statement: str) -> None:
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as after the commit of whoever added the row
        cursor.execute(statement)
    assert AuditEntry.objects.get().actor == "anna"


def test_a_user_who_is_deleted_stays_by_name(entry: AuditEntry) -> None:
    User.objects.get(username="anna").delete()
    entry.refresh_from_db()
    assert (entry.user_id, entry.actor) == (None, "anna")
