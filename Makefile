# Everything that this project does with itself. CI runs `make test` and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: run test check fast lint types imports tests bench clean help

help:            ## show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(READY)    ## install into .venv and train the default plan (resumes where it stopped)
	$(BIN)/abr-curriculum run phases/default.yaml

test: check      ## install into .venv, then check everything

check: lint types imports tests  ## exactly what CI runs

lint: $(READY)   ## ruff: style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## basedpyright, strict on curriculum/
	$(BIN)/basedpyright

imports: $(READY)  ## import contracts: one way, top to bottom
	$(BIN)/lint-imports

tests: $(READY)  ## every test, with branch coverage of curriculum/
	$(BIN)/pytest -n 2 --dist worksteal --cov --cov-report=term

fast: $(READY)   ## the tests that take seconds
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

bench: $(READY)  ## the numbers of the README, measured on this machine
	$(BIN)/python benchmarks/gating.py
	$(BIN)/python benchmarks/resume.py

clean:           ## remove the virtual environment and caches; runs stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage*

# A venv is ready once this file is newer than what it was made from.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
