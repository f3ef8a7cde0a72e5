# make run    serve the portal with worker and beat on the embedded default
# make test   run everything on SQLite and on PostgreSQL + Valkey
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup run demo test lint format rules bench messages lock clean

help:  ## show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: $(READY)  ## make .venv with the pinned requirements, and nothing else

$(READY): requirements.txt requirements-dev.txt
	@python=; \
	for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "No Python 3.11 or newer found (tried python3, python3.14 … python3.11)." >&2; exit 1; fi; \
	if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  $$python -m venv --clear $(VENV) || { echo "$$python cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv." >&2; exit 1; }; \
	fi
	@echo "Installing the pinned requirements into $(VENV); a minute or two the first time …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(READY)

run: $(READY)  ## serve the portal: web, worker and beat, demo data on the first start
	@exec env PORTAL_DEMO=$${PORTAL_DEMO-1} STAFF_MFA_REQUIRED=$${STAFF_MFA_REQUIRED-0} $(BIN)/python manage.py serve

demo: $(READY)  ## build the demo world in the configured database
	@PORTAL_DEMO=1 $(BIN)/python manage.py migrate --verbosity 0
	@PORTAL_DEMO=1 $(BIN)/python manage.py demo

test: $(READY)  ## run all checks and tests; ends with one summary
	@exec $(BIN)/python -m tests

lint: $(READY)  ## only the static checks of `make test`
	@exec $(BIN)/python -m tests lint

format: $(READY)  ## let the linters mend what they can
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

rules: $(READY)  ## print rule → tests → result; fails on a rule without a test
	@exec $(BIN)/python -m tests rules

bench: $(READY)  ## run the benchmarks; reports ratios
	@exec $(BIN)/python -m tests bench

messages: $(READY)  ## collect and compile the Chinese translation
	@exec $(BIN)/python manage.py messages

lock: $(READY)  ## pin requirements*.in, transitive ones included, into requirements*.txt
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(BIN)/python -m venv $$dir && \
	pin() { { echo "# Made by \`make lock\` from $$1; edit that."; cat; } > $$2; } && \
	$$dir/bin/pip install --quiet --disable-pip-version-check -r requirements.in && \
	$$dir/bin/pip freeze 2>/dev/null | sort -f > $$dir/run && \
	$$dir/bin/pip install --quiet --disable-pip-version-check -c $$dir/run -r requirements-dev.in && \
	$$dir/bin/pip freeze 2>/dev/null | sort -f > $$dir/all && \
	pin requirements.in requirements.txt < $$dir/run && \
	{ echo "-r requirements.txt"; grep -vxFf $$dir/run $$dir/all; } | pin requirements-dev.in requirements-dev.txt && \
	$$dir/bin/pip check

clean:  ## remove the environment, caches and the embedded database
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
