# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
# Needed beforehand: Python 3.11 or newer, and make.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python that is new enough; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/bin
PROTOS := $(shell find protos -name '*.proto')
PYTEST := $(BIN)/python -m pytest

.PHONY: help setup demo up down test test-fast test-chaos test-images lint clean

help:
	@echo "make demo         set up, simulate an organisation, tell the story (leaves the stack running in a terminal)"
	@echo "make test         set up, lint, and run the whole suite on a real Kafka and a real MongoDB"
	@echo "make test-fast    lint and the tests that need neither (under a minute)"
	@echo "make test-chaos   long fault-injection runs"
	@echo "make test-images  the container path and the Dockerfile (needs a container engine)"
	@echo "make up | down    the local stack"

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "Acquaint needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3.11"; exit 1; fi
	@echo "==> creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing: install it (on Debian and Ubuntu: apt-get install python3-venv)"; exit 1; }

.venv/.installed: requirements.lock | .venv/bin/python
	@echo "==> installing pinned, hash-checked dependencies (about 1.3 GB on disk, once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

.venv/.built: .venv/.installed pyproject.toml hatch_build.py $(PROTOS)
	@echo "==> generating stubs and installing acquaint"
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/.built
	@$(BIN)/python -m services.devstack.fetch

demo: setup
	@$(BIN)/acquaint demo

up: setup
	@$(BIN)/acquaint up

down: setup
	@$(BIN)/acquaint down

lint: .venv/.built
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

test: setup lint
	$(PYTEST) -q -n 2 tests/unit
	$(PYTEST) tests/contract tests/integration tests/e2e -m "not chaos and not images"

test-fast: .venv/.built lint
	$(PYTEST) -q -n 2 tests/unit

test-chaos: setup
	$(PYTEST) tests -m chaos -s

test-images: setup
	$(PYTEST) tests -m images -s

clean:
	rm -rf .venv generated build dist .acquaint .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
