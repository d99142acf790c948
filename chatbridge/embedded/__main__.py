"""Runs a command beside throw-away servers."""

import os
import signal
import subprocess
import sys

from chatbridge.embedded import EmbeddedError, temporary_servers

signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the servers end here too
try:
    with temporary_servers() as variables, subprocess.Popen(sys.argv[1:], env=os.environ | variables) as process:  # noqa: S603 (the caller's own command)
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            process.terminate()
            raise
except EmbeddedError as error:
    sys.exit(str(error))
except KeyboardInterrupt:
    sys.exit(128 + signal.SIGINT)
