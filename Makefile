# Everything that people and CI run. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
# Everything talks to the embedded cluster, and to nothing else that KUBECONFIG may point at.
ON_CLUSTER = eval "$$($(BIN)/rainbow cluster env)" &&

.DEFAULT_GOAL := help
.PHONY: help setup demo browser test test-fast test-deep check bench prove docs cluster-up cluster-down requirements clean

help: ## Show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

setup: $(STAMP) ## Make the Python environment

$(STAMP): requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: apt-get install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv is missing: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: cluster-up ## Perform the main job: three rainbow releases of a running app under load
	$(ON_CLUSTER) PYTHONPATH=examples/spawn $(BIN)/python -m demo

# More processes than processors: many tests wait. Those marked `long` begin first (tests/on_cluster/conftest.py).
test: check cluster-up browser ## All tests, those on the cluster included
	$(ON_CLUSTER) $(BIN)/pytest --numprocesses 3 --dist worksteal -m "not cluster"
	$(ON_CLUSTER) $(BIN)/pytest -m "cluster and alone"
	$(ON_CLUSTER) $(BIN)/pytest --numprocesses 4 --dist worksteal -m "cluster and not alone"

test-fast: setup ## The quick tests among those that need no cluster, in about half a minute
	$(BIN)/pytest --numprocesses 2 -m "not cluster and not slow"

test-deep: setup ## A million steps of a state machine over all steps of all workflows; STEPS=, SEED=, BATCHES=
	PYTHONPATH=.:tests/steps $(BIN)/python -m tests.deep.million $(if $(STEPS),--steps $(STEPS)) \
		$(if $(SEED),--seed $(SEED)) $(if $(BATCHES),--batches $(BATCHES))

check: setup ## Lint, types, layers, shell and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z '*.sh' '.ci/run' | xargs -0 --no-run-if-empty $(BIN)/shellcheck
	$(BIN)/yamllint --strict .

bench: cluster-up ## Measure, as ratios within one run
	$(ON_CLUSTER) PYTHONPATH=examples/spawn $(BIN)/python -m bench

prove: cluster-up ## Every strategy behind every route, 20 rounds each, at 1,000 requests a second; RATE=, ROUNDS=
	$(ON_CLUSTER) PYTHONPATH=examples/spawn $(BIN)/python -m bench.matrix --rate $(or $(RATE),1000) \
		--rounds $(or $(ROUNDS),20) --write build/prove.json

docs: setup ## Build the documentation as a site, into build/docs
	$(BIN)/python -m docs.site

browser: ## Install Debian's Chromium, in which tests look at reports
	@command -v chromium >/dev/null || { apt-get -q update && \
		DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends chromium; } >&2

cluster-up: setup ## Start the embedded cluster, or mend it
	$(BIN)/rainbow cluster up

cluster-down: setup ## Stop it and remove everything of it but its state
	$(BIN)/rainbow cluster down

requirements: setup ## Compile the pinned requirements anew (needs uv)
	$(foreach set,step dev,uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url $(if $(filter dev,$(set)),--extra cli --extra cluster --extra report --extra docs --extra dev) \
		--output-file requirements/$(set).txt pyproject.toml;)
	uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
		--output-file requirements/sbom.txt requirements/sbom.in

clean: ## Remove what make made here (the cluster's cache stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
