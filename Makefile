# Needs Python 3.11 or later and nothing else: the first target builds .venv, PostgreSQL and Redis come with it.

.DEFAULT_GOAL := help
.PHONY: help install run chat manage test browser screenshots faults connectors bench bench-quick check schema statements format clean

# The first that is recent enough; `make PYTHON=/path/to/python …` decides otherwise.
PYTHON ?= $(shell for name in python3 python3.11 python3.12 python3.13; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
# Chromium has been looked for, and installed if it could be.
BROWSER := .venv/.browser
# What `make run` wrote down for other terminals: its databases and keys.
ENVIRONMENT := set -a; DEBUG=$${DEBUG:-1}; if [ -f .local/env ]; then . .local/env; fi; set +a

# Settings as in production, for the checks; nothing connects to these addresses.
PRODUCTION := DEBUG=0 SECRET_KEY=not-a-secret-not-a-secret-not-a-secret-not-a-secret- \
	ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	DATABASE_URL=postgresql://db.example.com/chatbridge REDIS_URL=redis://redis.example.com:6379/0 \
	PUBLIC_BASE_URL=https://bridge.example.com ALLOWED_HOSTS=bridge.example.com

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## build .venv, if it is missing or older than the requirements

run: $(INSTALLED) ## start everything here: databases, bridge, a simulated inbox, a demo bot (PORT=8000)
	@$(BIN)/python -m chatbridge.local $(ARGS)

chat: $(INSTALLED) ## talk to the demo bot as a contact, while `make run` runs
	@$(ENVIRONMENT); $(BIN)/python -m chatbridge.simulator chat --simulator "$${SIMULATOR_URL:-http://127.0.0.1:9000}" --wait 120 --run-file .local/env $(ARGS)

manage: $(INSTALLED) ## a command of Django on the running bridge: make manage ARGS="changepassword admin"
	@$(ENVIRONMENT); $(BIN)/python manage.py $(ARGS)

test: $(INSTALLED) $(BROWSER) ## all tests, or some: make test ARGS="-k signature"
	@$(BIN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

browser: $(INSTALLED) ## look for Chromium again, and try to install it: the browser tests need it
	@rm -f $(BROWSER)
	@$(MAKE) --no-print-directory $(BROWSER)

screenshots: $(INSTALLED) $(BROWSER) ## take the pictures of README and docs anew: a minute
	@$(BIN)/python -m tests.browser.screenshots

faults: $(INSTALLED) ## kill and break everything under load, and account for every message: 5 minutes (ARGS="--seed 7")
	@$(BIN)/python -m tests.faults $(ARGS)

connectors: $(INSTALLED) ## connectors against real programs, which it installs: minutes, writes docs/connectors.md
	@$(BIN)/python -m tests.connectors

bench: $(INSTALLED) ## how fast, beside a floor and a naive build: 10 minutes, writes docs/benchmarks.md
	@$(BIN)/python -m tests.bench $(ARGS)

bench-quick: $(INSTALLED) ## the same in about a minute, printed only (ARGS="--only ingress,turns")
	@$(BIN)/python -m tests.bench --quick $(ARGS)

check: $(INSTALLED) ## lint, format, types, missing migrations, the API's schema, Django's deployment checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=1 $(BIN)/mypy .
	DEBUG=1 $(BIN)/python -m chatbridge.embedded $(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=1 $(BIN)/python manage.py spectacular --fail-on-warn | diff docs/openapi.yaml - || { echo "The API has changed: make schema"; exit 1; }
	$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

schema: $(INSTALLED) ## write the API's schema to docs/openapi.yaml
	DEBUG=1 $(BIN)/python manage.py spectacular --fail-on-warn --file docs/openapi.yaml

statements: $(INSTALLED) ## write the statements of every message to docs/statements.sql
	DEBUG=1 $(BIN)/python -m tests.statements

format: $(INSTALLED) ## sort imports and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv, caches and the data of `make run`
	@[ ! -e .local/run.lock ] || $(PYTHON) chatbridge/local/lock.py .local/run.lock
	rm -rf .venv .local .connectors .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BROWSER): $(INSTALLED)
	@-$(BIN)/python -m tests.browser.chromium
	@touch $@

$(INSTALLED): requirements.txt requirements-dev.txt constraints.txt
	@[ -n "$(PYTHON)" ] || { echo "chatbridge needs Python 3.11 or later: install it, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) can't build a virtual environment. Install its missing package, then make again:"; \
		$(PYTHON) -c 'import sys; print("  Debian, Ubuntu: apt install python%d.%d-venv" % sys.version_info[:2])'; exit 1; }
	@$(PYTHON) chatbridge/local/install.py requirements-dev.txt $@
