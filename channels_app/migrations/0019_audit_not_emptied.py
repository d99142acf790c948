"""The audit log's table refuses to be emptied too, and does so whatever role a session says that it plays."""

from django.db import migrations

FORBID = """
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON channels_app_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION channels_app_audit_append_only();
ALTER TABLE channels_app_auditentry ENABLE ALWAYS TRIGGER audit_not_emptied;
ALTER TABLE channels_app_auditentry ENABLE ALWAYS TRIGGER audit_append_only;
"""
ALLOW = """
DROP TRIGGER audit_not_emptied ON channels_app_auditentry;
ALTER TABLE channels_app_auditentry ENABLE TRIGGER audit_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("channels_app", "0018_clocks")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
