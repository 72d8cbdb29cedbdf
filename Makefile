# A machine needs Python 3.11 or 3.12 and make; everything else goes into .venv, once.

UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin

# One stamp per set of installed packages: a target that finds its stamp fresh installs nothing.
INSTALLED_NODE := $(VENV)/.installed-node
INSTALLED_DEV := $(VENV)/.installed-dev

# Compiled here as pip does it: where PYTHONDONTWRITEBYTECODE is set, no process leaves the next one anything.
UV_SYNC := $(BIN)/uv sync --quiet --frozen --compile-bytecode --python $(BIN)/python
COMPILE := $(BIN)/python -m compileall -q node protos chaincode client

export UV_PROJECT_ENVIRONMENT := $(VENV)
unexport VIRTUAL_ENV PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help setup protos configuration features permissions format check audit test interop fabric-tools \
        demo bench scenario explore simulate chaos reliability etcd etcdctl softhsm podman porcupine fuzz \
        clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED_NODE) ## Run a whole network and settle a trade on it
	@$(BIN)/tally demo

test: $(INSTALLED_DEV) ## Run the fast tests
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not interop and not fabric"

check: $(INSTALLED_DEV) ## Check format, lint, types, imports, tidiness and dependencies; edits nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(wildcard node protos chaincode client simulation tests bench examples fuzz)
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_tidy.py
	@$(BIN)/python -m tests.dependency_audit

audit: $(INSTALLED_DEV) ## Ask whether a dependency has a known vulnerability; TALLY_AUDIT=live takes no old answer
	@$(BIN)/python -m tests.dependency_audit

format: $(INSTALLED_DEV) ## Format the code and repair what lint can repair
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

scenario: $(INSTALLED_DEV) etcd etcdctl softhsm podman ## Run the slow tests: whole networks, faults, simulations
	@$(BIN)/pytest -m "slow and not interop and not fabric"

explore: $(INSTALLED_DEV) ## Run models and tests that draw examples with such as are new each time
	@TALLY_EXPLORE=1 $(BIN)/pytest -n auto --dist loadfile tests/models tests/unit

SEEDS := 200
simulate: $(INSTALLED_DEV) ## Run SEEDS=200 seeded simulations with faults, or one in full: SEED=17
	@$(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

MINUTES ?= 15
chaos: $(INSTALLED_DEV) etcd porcupine ## Kill and pause the processes of a network at random for MINUTES, from SEED if it is given
	@TALLY_CHAOS_MINUTES=$(MINUTES) TALLY_CHAOS_SEED=$(SEED) TALLY_CHAOS_RESUMES_WITHIN_S=2 \
	    TALLY_CHAOS_PORCUPINE="$$(command -v go)" $(BIN)/pytest -q tests/scenarios/faults/test_chaos.py

reliability: export TALLY_RELIABILITY := .cache/reliability
reliability: $(INSTALLED_DEV) etcd etcdctl ## Cause every fault and bad input, and write docs/reliability.md from what was seen
	@rm -rf $(TALLY_RELIABILITY)
	@$(BIN)/pytest -q $$($(BIN)/python -m tests.scenarios.reliability --tests)
	@$(BIN)/python -m tests.scenarios.reliability

permissions: $(INSTALLED_DEV) ## Write docs/contracts/permissions.md from the permission matrix of the tests
	@$(BIN)/python -m tests.unit.contracts.permissions.document

# A program of the system, so it is installed where the system's are. Elsewhere TALLY_ETCD names it.
etcd: ## Install etcd, through which several orderers share their order, unless it is there
	@command -v "$${TALLY_ETCD:-etcd}" >/dev/null || \
	    { apt-get update -qq && apt-get install -y -qq etcd-server; } || \
	    { echo "Install etcd 3.4 or later, or let TALLY_ETCD name it." >&2; exit 1; }

etcdctl: ## Install etcdctl, which moves a cluster of etcd, unless it is there
	@command -v etcdctl >/dev/null || \
	    { apt-get update -qq && apt-get install -y -qq etcd-client; } || \
	    echo "There is no etcdctl: moving a cluster of etcd is not tested." >&2

softhsm: ## Install SoftHSM, in whose tokens tests keep keys, unless it is there
	@command -v softhsm2-util >/dev/null || \
	    { apt-get update -qq && apt-get install -y -qq softhsm2; } || \
	    echo "There is no SoftHSM: the tests of keys on tokens are skipped." >&2

# Nothing may be removed for it: Docker's own packages bring a runc, and Debian's would take their place.
podman: ## Install Podman, which builds and runs the container of the examples, unless it is there
	@missing=$$(for each in podman runc mmdebstrap; do command -v $$each >/dev/null || echo $$each; done); \
	    test -z "$$missing" || \
	    { apt-get update -qq && apt-get install -y -qq --no-remove --no-install-recommends $$missing; } || \
	    echo "There is no Podman with runc and mmdebstrap: no test builds the container." >&2

# Wants Go and, once, the network. Without Go our own search judges alone, and the run says so; with it
# `make chaos` fails at once if Porcupine could not be built.
porcupine: ## Build Porcupine, a checker of linearizability, for `make chaos`
	@cd tests/porcupine && go build -o ../../.cache/porcupine . || \
	    echo "There is no Porcupine: histories are judged by our own search alone." >&2

interop: $(INSTALLED_DEV) ## Run Fabric's own clients against a network
	@tests/interop/run

fabric-tools: $(INSTALLED_DEV) ## Run Fabric's own programs, found through FABRIC_BIN, against a network
	@tests/interop/install
	@$(BIN)/pytest -m fabric tests/fabric

SECONDS ?= 5
fuzz: $(INSTALLED_DEV) ## Fuzz every decoder of outside bytes for SECONDS=5 each, or one: TARGET=block
	@$(BIN)/python -m fuzz $(TARGET) --seconds $(SECONDS)

bench: $(INSTALLED_DEV) ## Measure throughput and latency
	@$(BIN)/python -m bench

# Import paths need no repair because each .proto lies at its Python path. protoc writes a service
# module for every file; those without a service would be empty.
PROTO_FILES = $(shell cd protos && find tallystick -name '*.proto' | sort)
protos: export PATH := $(CURDIR)/$(BIN):$(PATH)
protos: $(INSTALLED_DEV) ## Generate the Python modules of the .proto files
	find protos -name '*_pb2*.py*' -delete
	python -m grpc_tools.protoc -Iprotos --python_out=protos --grpc_python_out=protos \
	    --mypy_out=quiet:protos --mypy_grpc_out=quiet,only_async:protos $(PROTO_FILES)
	@cd protos && for file in $$(grep -L '^service ' $(PROTO_FILES)); do \
	    rm -f "$${file%.proto}_pb2_grpc.py" "$${file%.proto}_pb2_grpc.pyi"; \
	done

configuration: $(INSTALLED_DEV) ## Write docs/configuration.md and its examples from settings.py
	@$(BIN)/python -m tests.configuration_manual

features: $(INSTALLED_DEV) ## Name beside each row of docs/features.md a test that shows it
	@$(BIN)/python -m tests.features_manual

setup: $(INSTALLED_DEV) ## Install everything for development into .venv

clean: ## Remove .venv and every file that tools made
	rm -rf $(VENV) .cache .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
	    .ruff_cache build dist htmlcov
	find . -name __pycache__ -prune -exec rm -rf {} +

# --inexact: a demo in a development checkout leaves the development tools where they are.
$(INSTALLED_NODE): $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing into $(VENV), which can take a few minutes the first time"
	@$(UV_SYNC) --no-dev --extra node --inexact
	@$(COMPILE)
	@touch $@

$(INSTALLED_DEV): $(BIN)/uv pyproject.toml uv.lock
	@echo "Installing into $(VENV), which can take a few minutes the first time"
	@$(UV_SYNC) --all-extras --all-groups
	@$(COMPILE)
	@touch $(INSTALLED_NODE) $@

FITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
$(BIN)/uv:
	@for python in $(PYTHON) python3.12 python3.11 python3 python; do \
	    if $$python -c '$(FITS)' 2>/dev/null; then \
	        echo "Creating $(VENV) with $$($$python --version)" && \
	        $$python -m venv --clear $(VENV) && \
	        exec $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	            uv==$(UV_VERSION); \
	    fi; \
	done; \
	echo "Tallystick needs Python 3.11 or 3.12 with its venv module, and found neither." >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	exit 1
