# Everything runs in .venv, which is made when first needed. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

PAPER ?= zeiler
PROFILE ?=
NETWORK ?=
SEED ?=
FULL ?=
ARGS ?=
REASON ?=
CHOICES = $(if $(PROFILE),profile=$(PROFILE)) $(if $(NETWORK),network=$(NETWORK)) $(if $(SEED),seed=$(SEED)) \
          $(if $(filter-out 0 false no,$(FULL)),full=true) $(ARGS)

MEASURED_ON = $(if $(PROFILE),profile=$(PROFILE)) $(if $(NETWORK),network=$(NETWORK))
export REASON

# Results must not depend on how many tests run beside each other, and two cores are shared fairly this way.
TEST_WORKERS ?= 2
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup replicate index dashboard replicate-zeiler replicate-multifaceted replicate-ppgn replicate-survey compare report readme test test-slow test-gpu test-regress regress baseline regress-evidence lint typecheck weights weights-generators weights-inversion weights-imagenet bench-deconvnet bench-maximization bench-pairs bench-ppgn bench-dissection measure-commands clean-runs

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-24s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  PROFILE=natural NETWORK=squeezenet_imagenet SEED=1 FULL=1 ARGS='experiments=[fig2,table1]' choose what is run;"
	@echo "  the same without make: $(BIN)/replicate --help"

replicate: $(VENV)/.installed  ## everything: all papers, the comparison of methods, and an index of all pages
	@$(BIN)/replicate all $(CHOICES)

replicate-zeiler: $(VENV)/.installed  ## replicate Zeiler & Fergus 2014: every figure and table, and a page with verdicts
	@$(BIN)/replicate paper=zeiler $(CHOICES)

replicate-multifaceted: $(VENV)/.installed  ## replicate Nguyen et al. 2016: the facets of units, pictures of each, and a page with verdicts
	@$(BIN)/replicate paper=multifaceted $(CHOICES)

replicate-ppgn: $(VENV)/.installed  ## replicate Nguyen et al. 2017: samples of every variant and condition, and a page with verdicts
	@$(BIN)/replicate paper=ppgn $(CHOICES)

replicate-survey: $(VENV)/.installed  ## replicate what Qin et al. 2018 survey: dissection, inversion, deconvnet and their uses, and a page with verdicts
	@$(BIN)/replicate paper=survey $(CHOICES)

compare: $(VENV)/.installed  ## compare all methods on the same units: a leaderboard, what measures are worth, and a page
	@$(BIN)/replicate paper=compare $(CHOICES)

report: $(VENV)/.installed  ## write the page again from what has been measured (PAPER=ppgn for another paper's)
	@$(BIN)/replicate paper=$(PAPER) measure=false $(CHOICES)

index: $(VENV)/.installed  ## write the index of all pages again: verdicts, leaderboard, regress, pictures, what is missing
	@$(BIN)/replicate index

dashboard: $(VENV)/.installed  ## print the W&B dashboard as described in code (ARGS=--publish creates it there)
	@$(BIN)/python -m replications.suite.dashboard $(ARGS)

readme: $(VENV)/.installed  ## write the tables of the README, and those of the leaderboard, from what is recorded
	@$(BIN)/python -m replications.compare.export
	@$(BIN)/python -m replications.suite.readme

regress: $(VENV)/.installed  ## did the pictures get worse? measure the probes anew and test them against results/baselines
	@$(BIN)/python -m replications.regress.run $(MEASURED_ON) $(if $(SEED),seed=$(SEED)) $(ARGS)

baseline: $(VENV)/.installed  ## write what regress compares with (REASON='...' is kept in it; what changes is shown first)
	@$(BIN)/python -m replications.regress.write "reason=$$REASON" $(MEASURED_ON) $(ARGS)

regress-evidence: $(VENV)/.installed  ## plant defects and rerun what is unchanged: does regress see the ones and leave the other alone?
	@$(BIN)/python -m replications.regress.evidence $(ARGS)

weights: $(VENV)/.installed  ## train the networks in results/weights from scratch
	@$(BIN)/python -m replications.training.weights $(ARGS)

weights-generators: $(VENV)/.installed  ## train the generators and autoencoders in results/weights from scratch
	@$(BIN)/python -m replications.ppgn.weights $(ARGS)

weights-inversion: $(VENV)/.installed  ## train the networks in results/weights that bring images back from layers, from scratch
	@$(BIN)/python -m replications.survey.inversion_weights $(ARGS)

weights-imagenet: $(VENV)/.installed  ## train the ZFNet of the profile imagenet on the ImageNet in REPLICATIONS_DATA; wants a GPU
	@$(BIN)/python -m replications.zeiler.imagenet_weights $(if $(SEED),seed=$(SEED)) $(ARGS)

bench-deconvnet: $(VENV)/.installed-dev  ## time the deconvnet against captum's, interleaved, with equal results
	@$(BIN)/python -m replications.zeiler.bench_deconvnet $(ARGS)

bench-maximization: $(VENV)/.installed-dev  ## time a step of activation maximization against the bare passes, interleaved
	@$(BIN)/python -m replications.images.bench_maximization $(ARGS)

bench-pairs: $(VENV)/.installed-dev  ## time perceptual distances of all pairs against the loop over pairs, with equal results
	@$(BIN)/python -m metrics.bench_pairs $(ARGS)

bench-ppgn: $(VENV)/.installed  ## time a step of a chain against the bare passes through generator and network, interleaved
	@$(BIN)/python -m replications.ppgn.bench_sampler $(ARGS)

bench-dissection: $(VENV)/.installed  ## time Network Dissection against the loop over units and concepts, with equal counts
	@$(BIN)/python -m replications.survey.dissection.bench_dissection $(ARGS)

measure-commands: $(VENV)/.installed  ## time replicate-zeiler, killed and resumed too, and test in a fresh clone
	@$(BIN)/python -m replications.suite.measure_commands $(ARGS)

test: $(VENV)/.installed-dev  ## run the tests that take no minutes
	@$(PYTEST) -n $(TEST_WORKERS) $(ARGS)

test-slow: $(VENV)/.installed-dev  ## run the tests that take minutes
	@$(PYTEST) -m slow $(ARGS)

test-gpu: $(VENV)/.installed-dev  ## run the tests that need a CUDA device
	@$(PYTEST) -m gpu $(ARGS)

test-regress: $(VENV)/.installed-dev  ## run the regression check as a test
	@$(PYTEST) -m regress $(ARGS)

lint: $(VENV)/.installed-dev  ## check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

typecheck: $(VENV)/.installed-dev  ## check types
	@$(BIN)/mypy

clean-runs:  ## remove what runs have measured (recorded outcomes and trained networks stay)
	rm -rf "$${REPLICATIONS_RESULTS:-results}/runs"

setup: $(VENV)/.installed-dev  ## make .venv with everything, for development

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "make: Python 3.11 or newer is needed, and '$(PYTHON)' was not found; name one with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1); name another with PYTHON=" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: '$(PYTHON)' can't make a virtual environment; install its venv module (on Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing into $(VENV) (once; PyTorch alone is large)"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@
