# One image for every process: web is the default, compose.yaml and the Procfile name the others.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /build
COPY requirements.txt constraints.txt ./
# The test runner stands in requirements.txt by agreement, but has no work here.
RUN grep -v '^pytest' requirements.txt > run-time.txt \
    && python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r run-time.txt

FROM ${PYTHON_IMAGE}
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin chatbridge
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
USER 10001
EXPOSE 8000
# /readyz also asks PostgreSQL. Processes without a web server switch this off.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD \
    ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT') or 8000}/readyz\", timeout=4)"]
# Heartbeats of the web processes in memory: a busy disk would look like a process that hangs.
CMD ["gunicorn", "chatbridge.wsgi", "--worker-tmp-dir", "/dev/shm"]
