"""The audit log's table refuses changes itself, whoever asks: all but forgetting a user who is deleted."""

from django.db import migrations

FORBID = """
CREATE FUNCTION channels_app_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id IS NULL AND to_jsonb(NEW) - 'user_id' = to_jsonb(OLD) - 'user_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit log is only added to.';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON channels_app_auditentry
    FOR EACH ROW EXECUTE FUNCTION channels_app_audit_append_only();
"""
ALLOW = """
DROP TRIGGER audit_append_only ON channels_app_auditentry;
DROP FUNCTION channels_app_audit_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("channels_app", "0003_api_tokens_and_audit_search")]
    operations = [migrations.RunSQL(FORBID, ALLOW)]
