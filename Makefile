# One command for each thing one does here; `make help` lists them.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help venv demo serve test soak upgrade watch screenshots check check-deploy image fmt docs lock bench clean

# the first of these that is new enough makes .venv; `make venv PYTHON=/path/to/python` chooses another
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
# what the locks pin is checked against its hashes, and a package without a wheel is refused in one line, not after a page of compiler errors
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCKED := $(INSTALL) --require-hashes --only-binary :all:
# engines without a key are answered by the simulator, and say so
SIMULATE := BRANDQ_SIMULATE=$${BRANDQ_SIMULATE:-missing}
# tests run side by side, each process with servers of its own; WORKERS= runs them one after the other
WORKERS := -n auto --maxprocesses 4
# what looks at deploy/, in an environment of its own as well
DEPLOY := build/deploy-venv/.deploy
# Celery, beside which brandq is measured, in an environment of its own
RIVAL := build/bench-venv/.rival
BENCHES := pipeline saturation in_flight submit priority scale embedded storage analysis coverage
# what writes the locks
UV := uv==0.13.9

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

venv: $(RUNTIME) ## Make .venv with what brandq needs to run

demo: $(RUNTIME) ## Ask a small plan of simulated assistants and show the report; needs no key and no server
	@$(SIMULATE) $(BIN)/brandq demo

serve: $(RUNTIME) ## Serve the API, the worker and the clock in one process on http://127.0.0.1:8000
	@$(SIMULATE) $(BIN)/brandq serve

test: $(DEV) $(DEPLOY) ## Run every test on both databases and both brokers (ARGS="-k states" picks some)
	@tests/servers/install
	@tests/deploy/install
	@BRANDQ_REQUIRE_SERVERS=1 $(BIN)/python -m pytest $(WORKERS) $(ARGS)

soak: $(DEV) ## Have everything fail at random for minutes while executions come (ARGS="--seed 7 --minutes 3")
	@tests/servers/install
	@$(BIN)/python -m tests.walk.soak $(ARGS)

upgrade: $(DEV) ## Rehearse a rolling upgrade with two versions side by side (ARGS="--previous v0.1.0")
	@tests/servers/install
	@$(BIN)/python -m tests.walk.upgrade $(ARGS)

watch: $(DEV) ## Have a real Prometheus watch a real installation: rules, panels and alerts, two minutes
	@tests/servers/install
	@tests/deploy/install
	@$(BIN)/python -m tests.deploy.watching $(ARGS)

screenshots: $(DEV) ## Take pictures of every page into out/screenshots (ARGS="report answer" picks some)
	@tests/servers/install
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

check: $(DEV) ## Check format, lint, types, and that the generated pages of docs are up to date
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(BIN)/python deploy/prometheus/generate.py --check

check-deploy: $(DEV) $(DEPLOY) ## Look at all of deploy/, as far as that goes without a cluster; part of make test
	@tests/servers/install
	@tests/deploy/install
	@BRANDQ_REQUIRE_SERVERS=1 $(BIN)/python -m pytest $(WORKERS) tests/deploy $(ARGS)

image: ## Build the image, and run the demo in it: read-only, without network and without rights
	@deploy/image/build
	@deploy/image/try

fmt: $(DEV) ## Format, and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(DEV) ## Write the pages of docs that are made from code
	$(BIN)/python docs/generate.py
	$(BIN)/python deploy/prometheus/generate.py

lock: ## Pin the dependencies of pyproject.toml with their hashes (ARGS=--upgrade takes newer ones)
	@$(call make_venv,build/lock)
	build/lock/bin/python -m pip --disable-pip-version-check install --quiet $(UV)
	$(call compile,requirements.lock,pyproject.toml)
	$(call compile,requirements-build.lock,--group build -c requirements.lock)
	$(call compile,requirements-traces.lock,pyproject.toml --extra traces -c requirements.lock)
	$(call compile,requirements-dev.lock,pyproject.toml --extra traces --group dev -c requirements.lock -c requirements-build.lock -c requirements-traces.lock)
	$(call compile,requirements-deploy.lock,--group deploy)
	$(call compile,requirements-bench.lock,--group bench)

bench: $(DEV) $(RIVAL) ## Run the measurements, about 15 minutes (ONLY=saturation runs one, ARGS= are its arguments)
	@tests/servers/install
	@for name in $(or $(ONLY),$(BENCHES)); do echo "== $$name" >&2; $(BIN)/python -m bench.$$name $(ARGS) || exit 1; done

clean: ## Remove what make made (.venv, caches, builds); data and out stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): requirements.lock requirements-build.lock pyproject.toml
	@$(call make_venv,.venv)
	@echo "brandq: installing $$(grep -c '^[a-z]' requirements.lock) pinned packages ..."
	@$(LOCKED) -r requirements.lock -r requirements-build.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@echo "brandq: installing what tests and checks need ..."
	@$(LOCKED) -r requirements-dev.lock
	@touch $@

$(DEPLOY): requirements-deploy.lock
	@$(call make_venv,build/deploy-venv)
	@echo "brandq: installing what looks at deploy/ ..."
	@build/deploy-venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: -r $<
	@touch $@

$(RIVAL): requirements-bench.lock
	@$(call make_venv,build/bench-venv)
	@build/bench-venv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: -r $<
	@touch $@

# make_venv FOLDER: a virtual environment there, unless a good one stands there already
define make_venv
good='import sys; sys.exit(sys.version_info < (3, 11))'; \
if ! $(1)/bin/python -c "$$good" 2>/dev/null; then \
  for python in $(PYTHON) none; do "$$python" -c "$$good" 2>/dev/null && break; done; \
  if [ "$$python" = none ]; then \
    echo "brandq needs Python 3.11 or newer, and none of these is: $(PYTHON). Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
  fi; \
  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
    package=$$("$$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
    echo "brandq needs Python's venv module, which Debian and Ubuntu package apart: apt-get install $$package" >&2; exit 1; \
  fi; \
  echo "brandq: making $(1) with $$("$$python" --version) ..."; \
  "$$python" -m venv --clear $(1) || exit 1; \
fi
endef

# compile LOCK SOURCE: writes no index address and no path of this machine
define compile
build/lock/bin/uv pip compile $(2) --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock" --quiet $(ARGS) --output-file $(1)
endef
