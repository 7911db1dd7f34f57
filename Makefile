# The commands of the project; `make` alone lists them. Nothing needs an activated environment.

.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= 8
# Some tests only wait, so one process more than there are cores pays.
TEST_JOBS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
# pyenv and uv read .python-version; elsewhere any Python 3.12 or newer on PATH will do.
PYTHON ?= $(shell for p in "$$(pyenv which python 2>/dev/null)" python3.14 python3.13 python3.12 python3 python; do \
	[ -n "$$p" ] && "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && echo "$$p" && break; done)
RUN := .venv/bin/python -m

.PHONY: help setup scenarios test check soak exhaust detection bench lock clean forget

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/.complete ## install what scenarios and tests need (done by the others when missing)
	@$(RUN) harness.infra.fetch

scenarios: setup ## the main job: prove every failure mode (ARGS="..." go to pytest)
	$(RUN) pytest scenarios/ -n $(JOBS) --dist worksteal $(ARGS)

test: .venv/.complete ## the harness's own tests; no broker
	$(RUN) pytest tests/ -n $(TEST_JOBS) --dist worksteal $(ARGS)

check: .venv/.complete ## lint, format, types
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

soak: setup ## search all night for a schedule that breaks the worker
	$(RUN) pytest scenarios/test_properties.py -n $(JOBS) --hypothesis-profile=nightly $(ARGS)

exhaust: setup ## every kill at every arrival of a small load (ARGS=pairs: every pair of kills)
	$(RUN) harness exhaust $(or $(ARGS),singles) --jobs $(JOBS)

detection: setup ## how soon is each mutant found? writes docs/detection.md (takes hours)
	$(RUN) tests.figures.detection --jobs $(JOBS) $(ARGS)

bench: setup ## the promise server, schedules a minute, the agent: writes docs/promise-server.md, performance.md
	$(RUN) tests.figures.promise_server
	$(RUN) tests.figures.speed $(ARGS)

lock: ## resolve the dependencies afresh (needs uv on PATH)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.12 \
		--generate-hashes --no-header --no-annotate --upgrade -q -o requirements.lock

# Not .hypothesis: what failed before is remembered there, and may take a night to find again.
clean: ## remove the environment and all stored runs; what searches remember stays
	rm -rf .venv runs .mypy_cache .pytest_cache .ruff_cache

forget: ## forget what failed before in searches, and where they have killed
	rm -rf .hypothesis

.venv/.complete: requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || { \
		echo "setup: no Python 3.12 or newer found$(if $(PYTHON), ($(PYTHON) is none)). Install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	@[ ! -L .venv ] || { echo "setup: .venv is a link to $$(readlink .venv), which would be emptied; remove the link"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@
