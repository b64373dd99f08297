# étude: `make run` and `make test` each do all the set-up they need, and may be run again at any time.
PYTHON ?= python3
BIN := .venv/bin
CHROMIUM := $(shell command -v chromium 2>/dev/null)

.PHONY: run test check setup chromium docs benchmark evidence evidence-statistics evidence-aa clean

run: setup ## set up, then run the journey: three notebooks as one full factorial, and its report
	$(BIN)/etude run journey

test: setup chromium check ## set up, then run every check

check:
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

CORE := setup.py $(wildcard src/etude/engine/native/core/*)

setup: .venv/ready .venv/core

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "étude needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "setting up .venv (PyTorch first, then the rest; a few minutes the first time)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	@touch .venv/ready .venv/core

.venv/core: .venv/ready $(CORE) # the native engine, built anew after its source changed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps --editable .
	@touch .venv/core

chromium: # the tests look at every page in a real browser: Debian's
ifeq ($(CHROMIUM),)
	@echo "installing Debian's chromium for the page tests"
	$(if $(filter 0,$(shell id -u)),,sudo) sh -c 'apt-get -qq update && apt-get -qq install --yes chromium >/dev/null'
endif

docs: setup ## write the pages that are made from the code
	$(BIN)/python docs/make.py

benchmark: setup ## trainings a second against PyTorch and JAX, on an idle machine: some ten minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/journey.py
	$(BIN)/python benchmarks/store.py

evidence: evidence-statistics evidence-aa ## measure every published error rate anew, at full size

evidence-statistics: setup
	$(BIN)/python benchmarks/evidence_statistics.py

evidence-aa: setup
	$(BIN)/python benchmarks/evidence_aa.py

clean: ## remove what the other targets made, results excepted
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis
