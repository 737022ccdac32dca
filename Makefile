# `make` lists what there is. Nothing is needed but make and Python 3.11 or newer.
SHELL := /bin/sh
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
DEVSTACK := exec $(VENV_PYTHON) -m devstack --with-parent
# More words for pytest: make test ARGS="-k reminder -x"
ARGS ?=
# What `make bench` measures; two_sets, which needs root and `ip`, only when it is named.
BENCH ?= availability day_page texts bookings long_day reminders

.DEFAULT_GOAL := help
.PHONY: help setup run demo test faults bench bench-quick shots check format openapi messages lock clean distclean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup: ## make .venv and install the locked requirements, Python's and the pages' (only when they changed)
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: no '$(PYTHON)' here." >&2; exit 1; }
	@$(PYTHON) devstack/bootstrap.py

run: setup ## start everything on this machine, with a demo salon; Ctrl-C stops it
	@$(DEVSTACK) run

demo: setup ## play a booking end to end and print each text as the phone gets it (about two minutes)
	@$(DEVSTACK) demo

test: setup ## run the tests against a real PostgreSQL and Redis of their own; ARGS="…" go to pytest
	@$(DEVSTACK) test $(ARGS)

faults: setup ## kill, freeze and deafen every part while 500 bookings a scenario go on (about 40 minutes); ARGS="--short"
	@exec $(VENV_PYTHON) -m tests.faults --json .data/faults.json $(ARGS)

bench: setup ## measure beside the peers, each in one run; about three hours, or BENCH="texts bookings"
	@for name in $(BENCH); do $(VENV_PYTHON) -m devstack --with-parent exec $(VENV_PYTHON) -m bench.$$name $(ARGS) || exit 1; done

bench-quick: ## the same in a small form, in a few minutes
	@$(MAKE) --no-print-directory bench ARGS="--quick $(ARGS)"

shots: setup ## take the pictures of docs/img/ anew, of a fresh demo salon (needs Chromium)
	@$(DEVSTACK) shots

check: setup ## lint, format, types, settings, migrations, OpenAPI
	@$(DEVSTACK) check

format: setup ## put the code into the house's format
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .

openapi: setup ## write docs/openapi.yaml anew from the code
	@$(DEVSTACK) exec $(VENV_PYTHON) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

messages: setup ## bring the pages' translations up to date with their words, and compile them
	@$(DEVSTACK) exec $(VENV_PYTHON) -m devstack.messages

lock: ## compile requirements*.in to requirements*.txt (needs uv)
	@command -v uv >/dev/null || { echo "uv is needed to compile the requirements: pip install uv" >&2; exit 1; }
	uv pip compile requirements.in -o requirements.txt --python-version 3.11 --universal --generate-hashes --no-header -q
	uv pip compile requirements-dev.in -c requirements.txt -o requirements-dev.txt --python-version 3.11 --universal --generate-hashes --no-header -q
	uv pip compile requirements-node.in -o requirements-node.txt --python-version 3.11 --universal --generate-hashes --no-header -q
	uv pip compile bench/requirements-peers.in -c requirements.txt -o bench/requirements-peers.txt --python-version 3.11 --universal --generate-hashes --no-header -q

clean: ## remove what run, demo and tests keep (.data) and caches
	@if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) -m devstack clean; else rm -rf .data; fi
	@rm -rf staticfiles build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## the same, and .venv
	@rm -rf .venv web/npm/node_modules
