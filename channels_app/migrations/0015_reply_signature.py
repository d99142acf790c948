"""Bots that sign already go on signing the body alone, until somebody says otherwise on their page."""

from django.db import migrations


def keep_older_form(apps, schema_editor):
    for bot in apps.get_model("channels_app", "Bot").objects.filter(kind="http"):
        if bot.settings.get("signing_secret"):
            bot.settings["reply_signature"] = "body"
            bot.save(update_fields=["settings"])


class Migration(migrations.Migration):
    dependencies = [
        ("channels_app", "0014_ended_workers"),
    ]

    operations = [migrations.RunPython(keep_older_form, migrations.RunPython.noop, elidable=True)]
