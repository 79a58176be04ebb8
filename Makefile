# One virtual environment holds everything, Node.js included where the machine has none.
# `make` alone says what there is.

PYTHON ?= python3
LAB_ARGS ?=
PYTEST_ARGS ?=
# More than there are cores: tests wait for the processes that they start.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
MINUTES ?= 5

PYTEST = python -m pytest --numprocesses $(WORKERS) --dist worksteal

VENV := .venv
DONE := $(VENV)/.done
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Else each of the thousands of processes that tests start compiles all that it imports, most of their time.
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE := 1
# Also because make looks simple commands up in the PATH of its caller unless a shell does it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Root is refused by JupyterLab unless it is told; in a container there is often nobody else.
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

FRONTEND := package.json tsconfig.json install.json $(shell find src style schema -type f -not -path '*/__tests__/*' 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: docker help lab test test-fast check test-python test-frontend test-browser chaos soak bench build format
.PHONY: generate clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: $(DONE)/built ## set up everything and open JupyterLab on the examples (more arguments in LAB_ARGS)
	jupyter lab $(ALLOW_ROOT) $(LAB_ARGS) examples

test: check test-python test-frontend test-browser ## set up everything and run every check and test

check: $(DONE)/built ## lint, formatting, types, import rules and plain words
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	scripts/prose
	jlpm lint:check

test-fast: $(DONE)/built ## the tests for the work in between: those that start no programs
	$(PYTEST) -m 'not slow and not soak' $(PYTEST_ARGS)
	jlpm test

test-python: $(DONE)/built $(DONE)/postgres $(DONE)/r $(DONE)/registry docker ## the Python tests (arguments in PYTEST_ARGS)
	$(PYTEST) $(PYTEST_ARGS)

soak: $(DONE)/built $(DONE)/postgres $(DONE)/r $(DONE)/registry docker ## the tests that take long, and half an hour of chaos
	python -m pytest -m soak $(PYTEST_ARGS)
	$(MAKE) chaos MINUTES=30

test-frontend: $(DONE)/built ## the TypeScript tests
	jlpm test

test-browser: $(DONE)/built $(DONE)/ui-tests docker ## the tests in a real browser
	cd ui-tests && CHROMIUM="$$(../scripts/chromium)" jlpm test

chaos: $(DONE)/built ## kill at random for MINUTES, then count (MINUTES=5, SEED=…)
	python -m tests.faults.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: $(DONE)/built ## measure beside papermill, nbclient and jupyter-scheduler
	python -m benchmarks

# From scratch: a development build that lies about would be packed as it is.
build: $(DONE)/node_modules ## a wheel and an sdist in dist/
	jlpm clean:all
	uv build --out-dir dist

format: $(DONE)/built ## fix what check complains of, where a tool can
	ruff check --fix .
	ruff format .
	jlpm lint

generate: $(DONE)/built ## write the OpenAPI document, the schema of pipelines and the frontend's types from the Python code
	python -m dataops_lab.handlers.openapi
	python -m dataops_lab.pipelines.schema
	jlpm api:types

clean: ## remove everything that was made
	rm -rf $(VENV) node_modules ui-tests/node_modules ui-tests/test-results ui-tests/playwright-report
	rm -rf lib dist dataops_lab/labextension tsconfig.tsbuildinfo
	rm -rf junit.xml .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .eslintcache .stylelintcache

# --- setting up, each step once -------------------------------------------------------------------

$(DONE)/venv:
	scripts/venv $(PYTHON) $(VENV)
	mkdir -p $(DONE)
	touch $@

# uv is quick but reads none of pip's settings: where it cannot reach its index, pip may.
# The frontend is built below, once, and not by the hook of the build.
$(DONE)/python: $(DONE)/venv pyproject.toml package.json
	SKIP_JUPYTER_BUILDER=1 uv pip install --quiet --editable '.[dev]' \
		|| SKIP_JUPYTER_BUILDER=1 pip install --quiet --editable '.[dev]'
	python -m bash_kernel.install --sys-prefix
	touch $@

$(DONE)/node: $(DONE)/venv
	scripts/node
	touch $@

$(DONE)/node_modules: $(DONE)/node package.json yarn.lock .yarnrc.yml | $(DONE)/python
	jlpm install
	touch $@

# What a wheel would put into share/ and etc/, an editable install has to be told.
$(DONE)/built: $(DONE)/python $(DONE)/node_modules $(FRONTEND)
	jlpm build
	jupyter-builder develop --overwrite .
	jupyter server extension enable --sys-prefix dataops_lab
	touch $@

# Where it is missing and cannot be installed, the tests that want it are skipped and say so.
$(DONE)/postgres: $(DONE)/venv
	scripts/apt postgresql || true
	touch $@

$(DONE)/r: $(DONE)/venv
	scripts/apt r-cran-irkernel || true
	touch $@

$(DONE)/registry: $(DONE)/venv
	scripts/apt docker-registry || true
	touch $@

# Not a step that is done once: a daemon does not outlive the machine's next start.
docker:
	scripts/docker || true

$(DONE)/ui-tests: $(DONE)/node ui-tests/package.json ui-tests/yarn.lock | $(DONE)/python
	scripts/chromium
	cd ui-tests && jlpm install
	touch $@
