from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # events come in meanwhile

    dependencies = [
        ("channels_app", "0012_events_without_a_check"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("outcome__isnull", True)),
                fields=["conversation", "sent_at", "id"],
                name="event_open_in_order",
            ),
        ),
        RemoveIndexConcurrently(model_name="webhookevent", name="event_open"),
    ]
