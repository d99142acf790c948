#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
    except Error as error:  # of Django's own commands, such as migrate; ours say it themselves
        from channels_app.lib import outages

        trouble = outages.met(error)
        if trouble is None or "--traceback" in sys.argv:
            raise
        sys.exit(str(outages.problem_of(trouble)))
