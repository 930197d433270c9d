# Two commands: `make quickstart` runs the whole loop, `make test` the fast tests. Neither needs a GPU, a hub or a key.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.mathdata-set-up

.PHONY: quickstart setup test test-slow check lint types docs clean help

help:
	@echo "make quickstart   set up .venv and run the whole loop (about 5 minutes on two cores)"
	@echo "make test         fast tests (under 5 minutes);  make test-slow   the rest"
	@echo "make check        lint, format and types;        make docs        the documentation as a site"

quickstart: setup
	$(BIN)/mathdata run quickstart

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tools/setup.py
	$(PYTHON) tools/setup.py $(VENV)
	@touch $(STAMP)

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e ".[ray]"
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

check: lint types test

docs: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]" --no-build-isolation
	$(BIN)/python tools/docs.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
