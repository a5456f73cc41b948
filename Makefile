# The one front door. `make` lists the doors behind it.
# Needs: make, Python 3.11 or newer with venv, a package index. Everything else is fetched, with pinned hashes.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo up install test test-quick test-long test-kills test-worst search lint types layers schemas docs docs-check format bench lock clean

help: ## list these
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP) ## a dozen SMS on a real Kafka here, their calls and charges, checked
	@$(BIN)/ringback demo

up: $(STAMP) ## everything on this machine, until Ctrl-C
	@$(BIN)/ringback up

install: $(STAMP) ## only the virtual environment in .venv

test: lint types layers schemas docs-check ## what guards main
	@echo "== tests"
	@$(PYTEST) -m "not long"

test-quick: $(STAMP) ## the tests that need no cluster: seconds
	@$(PYTEST) -m "not long and not integration"

test-long: $(STAMP) ## the tests that take minutes
	@$(PYTEST) -m long

test-kills: $(STAMP) ## fifty kill -9 and members that come and go, both group protocols, small buffers too: half an hour
	@$(PYTEST) -s -m long tests/integration/timers

test-worst: $(STAMP) ## the twelve worst cases at full length, with a table of what the carrier says: a quarter of an hour
	@$(PYTEST) -m long tests/integration/worst_cases

search: $(STAMP) ## every state of the call protocol within its bounds, and every planted bug: some minutes
	@$(BIN)/python -m tests.search

lint: $(STAMP) ## ruff: mistakes and format
	@echo "== ruff"
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(STAMP) ## mypy, strict
	@echo "== mypy"
	@$(BIN)/mypy

layers: $(STAMP) ## who may import whom
	@echo "== import layers"
	@$(BIN)/lint-imports

schemas: $(STAMP) ## records.py is current, each version kept, every schema compatible with all before it
	@echo "== schemas"
	@$(BIN)/python -m schemas.generate --check
	@$(BIN)/python -m schemas.golden --check
	@$(BIN)/python -m schemas.compatibility

docs: $(STAMP) ## write the pages, interface documents and deployment files that are made from the code
	@$(BIN)/python -m infra.docs.life
	@$(BIN)/python -m infra.docs.interfaces
	@$(BIN)/python -m infra.deploy.generate
	@$(BIN)/python -m infra.monitoring.generate

docs-check: $(STAMP) ## those are current
	@echo "== pages"
	@$(BIN)/python -m infra.docs.life --check
	@$(BIN)/python -m infra.docs.interfaces --check
	@$(BIN)/python -m infra.deploy.generate --check
	@$(BIN)/python -m infra.monitoring.generate --check

format: $(STAMP) ## let ruff format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(STAMP) ## what things cost, each beside a named yardstick
	@$(BIN)/python -m infra.bench codec
	@$(BIN)/python -m infra.bench hop

lock: $(STAMP) ## make requirements.lock anew from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --universal \
	  --python-version 3.11 --quiet -o requirements.lock

clean: ## remove the virtual environment and what tools have cached here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache ringback.egg-info

# The first Python that is new enough and has venv. `pyenv` and friends put shims in the path for versions that
# are not installed, so each is asked, not only looked for.
$(STAMP): requirements.lock pyproject.toml
	@if ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  found=; old=; \
	  for python in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	    old=$$python; \
	    $$python -c 'import venv, ensurepip' >/dev/null 2>&1 && { found=$$python; break; }; \
	  done; \
	  if [ -z "$$found" ] && [ -n "$$old" ]; then \
	    echo "make: $$old has no venv; get it with: apt-get install python3-venv (Debian, Ubuntu)" >&2; exit 1; \
	  elif [ -z "$$found" ]; then \
	    echo "make: Python 3.11 or newer is needed; get it with: apt-get install python3 python3-venv," \
	      "brew install python, or from python.org" >&2; exit 1; \
	  fi; \
	  echo "making $(VENV) with $$($$found --version)"; \
	  $$found -m venv --clear $(VENV) || exit 1; \
	fi
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip
	@echo "installing what requirements.lock names (a few minutes the first time)"
	@# pip says five lines a package; a counter is enough, and what it has to complain of goes to stderr.
	@rm -f $@.libraries; { $(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
	  --require-hashes -r requirements.lock && touch $@.libraries; } | awk \
	  '/^Collecting/ { printf "\r  %d packages fetched", ++n } \
	   /^Installing/ { printf ", now unpacked and installed" } { fflush() } END { print "" }'
	@test -f $@.libraries
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps --no-build-isolation -e .
	@touch $@
