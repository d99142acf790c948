from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class ChannelsAppConfig(AppConfig):
    name = "channels_app"
    verbose_name = "Channels and conversations"

    def ready(self) -> None:
        """Only signals tell that a user logged in, that the tables exist, or that a connection was made."""
        from channels_app.access import logins, roles
        from channels_app.lib import statements

        post_migrate.connect(roles.update_roles, dispatch_uid="roles")
        logins.listen()
        connection_created.connect(statements.read_clock, dispatch_uid="clock")
