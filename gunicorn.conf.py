"""Gunicorn reads this file by itself when it starts in this directory."""

import logging

# Here and not in the processes that it starts: a wrong environment ends the start, with one list of what is wrong.
from chatbridge import settings
from chatbridge.logs import in_one_line

bind = f"0.0.0.0:{settings.PORT}"
workers = settings.WEB_CONCURRENCY
# Threads that get a request when all of it is there: docs/decisions/0017.
worker_class = "chatbridge.web_worker.WholeRequestWorker"
# Open connections of a process; when there are more, those go that have not sent a request for longest.
worker_connections = 4000
# Most threads wait for a commit to reach the disk, and commits of waiting threads reach it together.
threads = settings.WEB_THREADS

# Seconds. A platform waits 10 s for its answer, so every request that was begun has ended when a stop is forced.
graceful_timeout = 30
# Longer than the usual 60 s of a proxy, which else sends a request into a connection that we are closing.
keepalive = 75

# Without the query string: bots put their verify token there.
accesslog = "-" if settings.ACCESS_LOG else None
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'
for _name in ("gunicorn.access", "gunicorn.error"):  # a path is decoded there, and what is no request quoted
    logging.getLogger(_name).addFilter(in_one_line)

control_socket_disable = True  # nobody uses it, and a read-only container has no place for it
