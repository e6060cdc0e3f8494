.DEFAULT_GOAL := help
PYTHON ?= python3
# every commit is synced to its device: the suite does that in memory where it can
export PYTEST_DEBUG_TEMPROOT ?= $(shell test -w /dev/shm && echo /dev/shm)
BIN := .venv/bin
UV := $(BIN)/uv

.PHONY: help setup lane popt remediation test lint heavy clean

help:  ## what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready  ## the virtual environment, from the lock file

.venv/.ready: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --quiet --frozen --inexact --all-extras --compile-bytecode --python $(BIN)/python
	@echo "compiling kernels, once (half a minute)"
	@scratch=$$(mktemp -d); $(BIN)/python -m seg6b.lane world=tiny root=$$scratch tracking=off >/dev/null 2>&1; rm -rf $$scratch
	@touch $@

lane: setup  ## the main job: one candidate run on the default world
	@$(BIN)/python -m seg6b.lane $(ARGS)

test: setup  ## the whole suite, on up to four cores (ARGS=-n0: in one process)
	@$(BIN)/python -m pytest -q -m 'not heavy' -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

popt: setup  ## POPT.0 to POPT.4 on 500,000 arrivals (or WORLD=large), with its summary page
	@$(BIN)/python -m seg6b popt $(if $(WORLD),--world $(WORLD)) $(ARGS)

remediation: setup  ## the road from D+ to a certified B+ on the default world, with its story page
	@$(BIN)/python -m seg6b remediate $(ARGS)

heavy: setup  ## the slow proofs: default-world restarts, knobs, timings
	@$(BIN)/python -m pytest -q -m heavy $(ARGS)

lint: setup  ## format, rules, types, layers, generated docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m seg6b docs --check

clean:  ## remove the virtual environment and caches, never runs
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
