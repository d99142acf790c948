"""python -m chatbridge.simulator simulator | chat …: its commands, also where the bridge's settings leave them out."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    settings.configure(INSTALLED_APPS=["chatbridge.simulator"], SECRET_KEY="of nothing", USE_TZ=True)  # noqa: S106
    execute_from_command_line(["chatbridge.simulator", *sys.argv[1:]])
