from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ChannelsAppConfig(AppConfig):
    name = "channels_app"
    verbose_name = "Channels and conversations"

    def ready(self) -> None:
        """Django says by signals alone that somebody logged in, or that the tables are there."""
        from channels_app import logins, roles

        post_migrate.connect(roles.update_roles, dispatch_uid="roles")
        logins.listen()
