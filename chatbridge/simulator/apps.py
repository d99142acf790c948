"""Makes Django find the management commands; the simulator has no models."""

from django.apps import AppConfig


class SimulatorConfig(AppConfig):
    """The simulator: `manage.py simulator` and `manage.py chat`."""

    name = "chatbridge.simulator"
    label = "simulator"
    verbose_name = "Simulator"
