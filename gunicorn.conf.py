"""Gunicorn reads this file by itself when it starts in this directory."""

from chatbridge.environment import Environment

env = Environment()

bind = f"0.0.0.0:{env.number('PORT', 8000, least=1)}"
workers = env.number("WEB_CONCURRENCY", 2, least=1)
worker_class = "gthread"
# Most threads wait for a commit to reach the disk, and commits of waiting threads reach it together.
threads = env.number("WEB_THREADS", 16, least=1)

# Seconds. A platform waits 10 s for its answer, so every request that was begun has ended when a stop is forced.
graceful_timeout = 30
# Longer than the usual 60 s of a proxy, which else sends a request into a connection that we are closing.
keepalive = 75

# Without the query string: bots put their verify token there.
accesslog = "-" if env.flag("ACCESS_LOG") else None
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s %(M)sms'

control_socket_disable = True  # nobody uses it, and a read-only container has no place for it

if env.problems:
    raise SystemExit(env.report())
