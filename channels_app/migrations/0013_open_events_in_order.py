from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # events come in meanwhile

    dependencies = [
        ("channels_app", "0012_events_without_a_check"),
    ]

    operations = [
        # The time-outs of our sessions are for messages and pages; reading a long table takes what it takes.
        migrations.RunSQL("SET statement_timeout = 0", migrations.RunSQL.noop),
        migrations.RunSQL("SET lock_timeout = 0", migrations.RunSQL.noop),
        # What an interrupted try has left behind would be in the way of the next one.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS event_open_in_order", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("outcome__isnull", True)),
                fields=["conversation", "sent_at", "id"],
                name="event_open_in_order",
            ),
        ),
        RemoveIndexConcurrently(model_name="webhookevent", name="event_open"),
        migrations.RunSQL("RESET statement_timeout", migrations.RunSQL.noop),
        migrations.RunSQL("RESET lock_timeout", migrations.RunSQL.noop),
    ]
