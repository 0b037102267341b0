# What there is to do here: `make help`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
TORCH := 2.13.0
LENSKIT := .venv-lenskit
RECTOOLS := .venv-rectools
VECTORS := .venv-vectors
DEMO := build/demo
QUICK ?=

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format apertium lenskit rectools vectors bench docs lock clean

help: ## say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

# A stamp is older than a lock or pyproject.toml when something must be installed again.
INSTALL := -m pip install --quiet --disable-pip-version-check --no-deps
LOCKS := $(wildcard requirements/*.txt) pyproject.toml

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "evenshelf needs Python 3.11 or newer, and $(PYTHON) is %d.%d: make PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(LOCKS) | $(BIN)/python
	$(BIN)/python $(INSTALL) -r requirements/build.txt -r requirements/base.txt
	$(BIN)/python $(INSTALL) --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(LOCKS) | $(BIN)/python
	$(BIN)/python $(INSTALL) -r requirements/dev.txt
	$(BIN)/python $(INSTALL) --no-build-isolation -e .
	$(BIN)/python -m pip check
	@touch $(VENV)/.base $@

demo: $(VENV)/.base ## simulate a small shop, measure it, compare remedies, write the report
	rm -rf $(DEMO)
	mkdir -p $(DEMO)
	$(BIN)/evenshelf simulate $(DEMO)/shop --items 2000
	$(BIN)/evenshelf profile $(DEMO)/shop --html $(DEMO)/profile.html
	$(BIN)/evenshelf study $(DEMO)/shop --target category --out $(DEMO)/study
	@echo
	@echo "The profile:  $(DEMO)/profile.html"
	@echo "The report:   $(DEMO)/study/report.html"

test: $(VENV)/.dev apertium lint ## install everything that is pinned, check style, types and imports, run all tests
	$(BIN)/python -m pytest -n $(WORKERS) --durations 30 --durations-min 5

lint: $(VENV)/.dev ## check style, types and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Back-translation runs a program that no Python package has. Without apt-get, or the right to use it, tests of it are
# skipped, but where CI is set they fail.
apertium: ## install Apertium with English and Spanish by apt-get, unless it is there
	@if ! apertium -l 2>/dev/null | grep -w eng-spa >/dev/null; then \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq apertium apertium-eng-spa; \
	  else \
	    echo "Tests of back-translation need Apertium. On Debian, as root: make apertium"; \
	  fi; \
	fi

# LensKit wants pandas 2, and we pin pandas 3.
$(LENSKIT)/.made: bench/lenskit_env/requirements.txt
	$(PYTHON) -m venv $(LENSKIT)
	$(LENSKIT)/bin/python $(INSTALL) -r $<
	$(LENSKIT)/bin/python -c 'import lenskit.als, lenskit.knn'
	@touch $@

lenskit: $(LENSKIT)/.made ## make the environment of LensKit, which a benchmark measures beside us

# RecTools wants NumPy 1, and we pin NumPy 2.
$(RECTOOLS)/.made: bench/rectools_env/requirements.txt
	$(PYTHON) -m venv $(RECTOOLS)
	$(RECTOOLS)/bin/python $(INSTALL) -r $<
	$(RECTOOLS)/bin/python -c 'from rectools.models import SASRecModel'
	@touch $@

rectools: $(RECTOOLS)/.made ## make the environment of RecTools, which a benchmark measures beside us

# Vector stores are no part of evenshelf, and some of them are large.
$(VECTORS)/.made: bench/vectors_env/requirements.txt
	$(PYTHON) -m venv $(VECTORS)
	$(VECTORS)/bin/python $(INSTALL) -r $<
	$(VECTORS)/bin/python -c 'import faiss, hnswlib, lancedb, usearch'
	@touch $@

vectors: $(VECTORS)/.made ## make the environment of vector stores, which a benchmark measures beside us

bench: $(VENV)/.dev $(LENSKIT)/.made $(RECTOOLS)/.made $(VECTORS)/.made ## run every benchmark and fill its table into README and docs
	$(BIN)/python -m bench

docs: $(VENV)/.dev ## write the pages that are made from the code
	$(BIN)/python docs/make_remedies.py
	$(BIN)/python docs/make_families.py
	$(BIN)/python docs/make_recommenders.py
	$(BIN)/python docs/make_schema.py

lock: ## pin the newest releases that pyproject.toml allows
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check 'torch==$(TORCH)' hatchling editables -e '.[dev]'
	.venv-lock/bin/python requirements/lock.py
	rm -rf .venv-lock

clean: ## remove the environment and everything that was made
	rm -rf $(VENV) .venv-lock $(LENSKIT) $(RECTOOLS) $(VECTORS) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
