# Everything runs in .venv and frontend/node_modules; nothing is installed outside (but for Debian packages, as root).
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
PAGE := $(PY) scripts/page.py
# The interpreter to make .venv with; empty: the first Python 3.11 or newer on PATH.
PYTHON ?=
export PYTHON
# Options for `plexcut serve` and the bench, as in: make run ARGS='--port 5300 --library /media/recordings'
ARGS ?=
# How long `make fuzz` looks, all targets together.
FUZZ_SECONDS ?= 60

.PHONY: help run test check bench torture fuzz clean app dev page format types

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

run: app page ## Install what is missing, then start plexcut (ARGS='…' are handed to `plexcut serve`)
	@exec .venv/bin/plexcut serve $(ARGS)

test: dev page ## Run all tests: Vitest, pytest, and the browser tests in Chromium
	@scripts/need_chromium.sh
	@scripts/need_samba.sh
	@scripts/need_faketime.sh
	$(PAGE) npm run test
	@# Many of them wait for something most of the time: three at once keep two cores busy.
	$(PY) -m pytest -n 3 --dist worksteal --ignore=tests/e2e
	$(PY) -m pytest -n 2 --dist loadfile tests/e2e

check: dev ## Format, lint, types, layers, sizes, and generated files: what must hold before a commit
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	PYTHONPATH=scripts .venv/bin/lint-imports --no-logo
	$(PY) scripts/check_sizes.py
	$(PAGE) npm run lint
	$(PAGE) npm run typecheck
	scripts/generate_api_types.sh --check

torture: dev ## Run the tests that take long: all cuts of all kinds of recordings, about an hour
	$(PY) -m pytest -n 2 -m torture --timeout 0 --ignore=tests/e2e $(ARGS)

bench: dev ## Measure plexcut beside ffmpeg on recordings that it makes itself (ARGS='--growth', '--cut', '--help')
	PYTHONPATH=src:. $(PY) -m bench $(ARGS)

fuzz: dev ## Look for bytes that break what reads recordings (FUZZ_SECONDS=600; Linux on x86-64)
	@$(PY) -m pip install -q --disable-pip-version-check -c constraints.txt atheris
	PYTHONPATH=src:. $(PY) -m fuzz --seconds $(FUZZ_SECONDS)

format: dev ## Format and mend what ruff can mend
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

types: dev ## Write frontend/src/api/schema.ts anew from the OpenAPI document
	@$(PAGE) modules
	scripts/generate_api_types.sh

page: app
	@$(PAGE) build

app:
	@scripts/setup.sh app

dev:
	@scripts/setup.sh dev

clean: ## Remove everything that was installed, built or cached here
	rm -rf .venv frontend/node_modules src/plexcut/web/dist build dist test-results
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
