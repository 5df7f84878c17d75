# Everything a contributor runs. Needs Python 3.11 or newer, git and make; the rest is brought into .venv.
# Each step leaves a stamp in .venv and is not repeated until what it was made from changes. The stamps
# carry this folder's path, because a .venv that was copied or moved starts the programs of the old one.

SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
HERE := $(shell pwd -P | cksum | cut -d' ' -f1)
TOOLS := .venv/.tools-$(HERE)
PACKAGES := .venv/.packages-$(HERE)
PROJECT := .venv/.project-$(HERE)
COMETBFT := .venv/.cometbft-$(HERE)
RECORDING := .venv/.recording-$(HERE)
MUTMUT := .venv/.mutmut-$(HERE)

# The system's certificates: a bare environment names no bundle of its own.
UV := UV_LINK_MODE=copy $(BIN)/uv --system-certs
INSTALL := $(UV) pip install --quiet --python $(BIN)/python

# One seed for everything random in the tests; the test header prints it.
SEED ?= 1
# More arguments for the command behind a target: make test ARGS="-k codec -x".
ARGS ?=

.PHONY: help setup cometbft demo test test-all sim mutants lint types docs check bench localnet lock ratchet

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(PROJECT) ## Fill .venv, so that .venv/bin/omgd runs
	@echo "Ready: $(BIN)/omgd --help"

cometbft: $(COMETBFT)

demo: $(COMETBFT) $(RECORDING) ## Replay a real venue's order flow through four validators; draws demo.png
	$(BIN)/omgd demo $(ARGS)

# Tests of real networks wait for blocks and need the machine for themselves: they come after the
# others, one at a time. Status 5 is pytest's for "nothing selected", as ARGS="-k ..." may do.
PYTEST := $(BIN)/python -m pytest --hypothesis-seed=$(SEED)
define run_tests
@status=0; \
$(PYTEST) -n logical --dist worksteal -m "not network$(1)" $(ARGS) || status=$$?; \
$(PYTEST) -m "network$(1)" $(ARGS) || { last=$$?; [ $$last = 5 ] || status=$$last; }; \
[ $$status = 0 ] || [ $$status = 5 ]
endef

test: $(COMETBFT) ## Run the tests that fit into a quarter of an hour
	$(call run_tests, and not slow)

test-all: $(COMETBFT) ## Run all tests, the slow ones too
	$(call run_tests)

sim: $(PROJECT) ## Search for failures longer, from one seed: make sim SEED=7
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest tests/property --timeout=0 --hypothesis-seed=$(SEED) $(ARGS)

mutants: $(MUTMUT) ## Change matching, auctions and orders in many small ways; list what no test notices
	rm -rf mutants
	$(BIN)/mutmut run $(ARGS)
	$(BIN)/mutmut results

lint: $(PROJECT) ## Check style, formatting and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(PROJECT) ## Check types
	$(BIN)/mypy

docs: $(PROJECT) ## Write docs/reference from the code, check links, show what the next release will say
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python -m pytest -q tests/shape/test_docs.py
	$(BIN)/towncrier build --draft

check: lint types test ## What must pass before a change is handed in

bench: $(COMETBFT) ## Measure the figures: make bench ARGS="--quick"
	$(BIN)/omgd bench $(ARGS)

localnet: $(COMETBFT) ## Start four validators on this machine; Ctrl-C stops them
	$(BIN)/omgd localnet $(ARGS)

lock: $(PROJECT) ## Choose package versions anew: writes requirements.lock, uv.txt and mutmut.txt
	$(UV) lock --quiet --upgrade --python $(BIN)/python
	$(UV) export --quiet --no-emit-index-url --no-emit-project --no-annotate --no-header \
		--all-extras --all-groups -o requirements.lock
	echo uv | $(UV) pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
		--no-annotate --no-header -o uv.txt -
	echo mutmut | $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -c requirements.lock -o mutmut.txt -
	rm uv.lock

ratchet: $(PROJECT) ## Lower the size ratchet to today's longest function and module
	$(BIN)/python -m tests.shape.sizes

# --- how .venv comes to be ---

$(TOOLS): uv.txt
	@set -eu; \
	for python in python3 python3.13 python3.12 python3.11 python3; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; \
		then break; fi; \
	done; \
	if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Python 3.11 or newer is needed, and was not found as python3 or python3.11 … python3.13." >&2; \
		exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	fi; \
	if ! grep -qsF "$$(pwd -P)/.venv" .venv/bin/activate; then clear=--clear; else clear=; fi; \
	echo "Setting up .venv with $$("$$python" --version) …"; \
	"$$python" -m venv $$clear .venv; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r uv.txt
	@touch $@

$(PACKAGES): $(TOOLS) requirements.lock
	@echo "Installing the locked packages …"
	@$(INSTALL) --require-hashes -r requirements.lock
	@touch $@

$(PROJECT): $(PACKAGES) pyproject.toml
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# Finds CometBFT, or builds it with the Go toolchain that came with the packages (about a minute).
$(COMETBFT): $(PROJECT)
	$(BIN)/omgd cometbft
	@touch $@

# One venue's recording that may be had by package name; its data file is read, none of its code.
$(RECORDING): $(PACKAGES) recording.txt
	@$(INSTALL) --no-deps --require-hashes -r recording.txt
	@touch $@

# What only `make mutants` needs.
$(MUTMUT): $(PROJECT) mutmut.txt
	@$(INSTALL) --require-hashes -r mutmut.txt
	@touch $@
