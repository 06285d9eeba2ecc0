# Everything that this project does with itself. CI runs `make test` and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready

.PHONY: run test check fast lint types imports tests bench clean help

help:            ## show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# One thread: at this size a second one gains little, and waits for its turn where cores are busy.
run: $(READY)    ## install into .venv and train the default plan (resumes where it stopped)
	$(BIN)/abr-curriculum run phases/default.yaml --threads 1

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

bench: run       ## the numbers of the README, measured on this machine (long)
	$(BIN)/python benchmarks/gating.py
	$(BIN)/python benchmarks/resume.py
	$(BIN)/python benchmarks/scales.py --write
	$(BIN)/python benchmarks/balance.py --write
	$(BIN)/python benchmarks/protection.py
	$(BIN)/python benchmarks/imbalance.py
	$(BIN)/python benchmarks/curriculum.py
	$(BIN)/python benchmarks/resume_trouble.py
	$(BIN)/python benchmarks/s4.py
	$(BIN)/python benchmarks/norms.py
	$(BIN)/python benchmarks/leakage.py
	$(BIN)/python benchmarks/replay.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/series.py runs/abr-default
	$(BIN)/python benchmarks/full_model.py
	$(BIN)/python benchmarks/large_data.py
	if [ -n "$$ABR_REAL_DATA" ]; then $(BIN)/python benchmarks/noise.py "$$ABR_REAL_DATA/smartep_human" && \
	  $(BIN)/python benchmarks/human.py runs/abr-default "$$ABR_REAL_DATA/smartep_human"; fi

clean:           ## remove the virtual environment and caches; runs stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .coverage*

# A venv is ready once this file is newer than what it was made from.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
