# Every target sets up what it needs: a virtual environment in .venv, from the pinned files, without root.
# Needs only python3 (3.11 or later) and make; PYTHON=... picks another interpreter. See docs/decisions/0001-bootstrap.md.

PYTHON ?= python3
UV ?= uv
PYTEST_ARGS ?=
# Whatever the caller's shell says: the tests start some hundred Pythons, and each would compile all our modules.
export PYTHONDONTWRITEBYTECODE :=
PIP_WHEEL := bootstrap/pip-26.3-py3-none-any.whl

VENV := .venv
BIN := $(VENV)/bin
# Errors only: no progress bars, the same in a terminal and in a log.
PIP := $(BIN)/python -m pip -qq --no-input --disable-pip-version-check
PINS := requirements/run.txt requirements/test.txt
PACKAGES_READY := $(VENV)/.packages-ready
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo live run cluster test quick coverage docs catalogue crash-matrix mutants check fuzz audit-deps bench deb pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv ready (the others do it by themselves)

demo: $(READY) ## a bank day in miniature: three banks, and the books compared to the fen
	@$(BIN)/python -m simulators.days.demo

live: $(READY) ## serve, with three simulated banks at work: open the page that it names, Ctrl-C ends it
	@$(BIN)/python -m simulators.days.live

run: $(READY) ## serve, and print how to connect
	@$(BIN)/qianzhi run

cluster: $(READY) ## three nodes on a PostgreSQL pair behind a balancer, to kill and to cut over
	@$(BIN)/python -m simulators.cluster

# Each process begins with whole modules, so that what their tests share is made once, or twice where another process
# that has nothing left takes half of them over.
test: $(READY) ## all the tests, in parallel and in random order
	@$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# A process for each core and no more: these tests wait for nothing, and each process collects them all.
quick: $(READY) ## the fast tests alone, in a minute: none that starts a server, a browser or many processes
	@$(BIN)/python -m pytest -n logical --dist worksteal -m "not slow" $(PYTEST_ARGS)

# The processes that the tests start are measured too, unless they are killed. A later -m wins: PYTEST_ARGS='-m ""' runs
# all the tests. Not part of `test`: it takes half as long again.
coverage: $(READY) ## branches of the product that the fast tests do not reach; the pages are in build/coverage/html
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/coverage run -m pytest -n logical --dist loadscope -m "not slow" $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet
	@$(BIN)/coverage report

docs: $(READY) ## these pages as a site, build/site, and in Chinese, build/site/zh; a broken link or anchor is a failure
	@$(BIN)/python -m tests.docs
	@$(BIN)/python -m tests.docs.site build/site

catalogue: $(READY) ## bring new texts of the commands and the pages into their catalogues of Chinese
	@$(BIN)/python -m tests.catalogue

CRASH_ARGS ?=
crash-matrix: $(READY) ## every fault at every point, on both databases; writes docs/crash-matrix.md; a quarter of an hour
	@$(BIN)/python -m tests.crash.matrix $(CRASH_ARGS)

# MODULE is one module or several, or a slice of tests/mutants/modules.toml; each slice is under an hour.
MODULE ?=
mutants: $(READY) ## mutation testing of the pure modules; MODULE=ledger/rules/day.py for one, MODULE=rules for a slice
	@$(BIN)/python -m tests.mutants $(MODULE)

check: $(READY) ## lint, format, strict types where setup.cfg names them, and bandit
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bandit -q -c pyproject.toml -r qianzhi_errors protocol ledger receipts fep office customers collection archive console firewall_rules simulators fuzz deploy samples

FUZZ_SECONDS ?= 60
fuzz: $(READY) ## fuzz everything that reads bytes from outside, FUZZ_SECONDS each
	@$(BIN)/python -m fuzz all --seconds $(FUZZ_SECONDS)

# Not part of `check`: it asks a service on the network. --strict, since a package that could not be looked up is not one
# that is known to be good. AUDIT_ARGS="-s osv" asks another service.
audit-deps: $(READY) ## known vulnerabilities of what is pinned; needs the network, and fails without it
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes $(AUDIT_ARGS) -r requirements/test.txt \
	    || { echo "audit-deps: a vulnerability is listed above, or not every package could be looked up"; exit 1; }

bench: $(READY) ## the benchmarks, on this machine
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.close
	@$(BIN)/python -m bench.growth
	@$(BIN)/python -m bench.years
	@$(BIN)/python -m bench.flood
	@$(BIN)/python -m bench.overload
	@$(BIN)/python -m bench.loading
	@$(BIN)/python -m bench.archive

deb: $(READY) ## a Debian package in build/deb, the same bytes each time; needs dpkg and the system's python3
	@$(BIN)/python -m deploy.package build/deb

pins: ## resolve requirements/*.in anew into *.txt; needs uv (UV=...)
	@cd requirements && for name in run test; do \
	    $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	        --no-emit-index-url --no-emit-find-links --annotation-style line $$name.in -o $$name.txt || exit 1; done

clean: ## remove .venv and everything else that can be made again
	@rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made anew when a pin changes, so nothing that was dropped from the pins lingers in it.
$(PACKAGES_READY): $(PINS) $(PIP_WHEEL) bootstrap/SHA256SUMS
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	@echo "Setting up $(VENV), once; a minute or less, by the network"
	@cd bootstrap && sha256sum --check --strict --quiet SHA256SUMS
	@$(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(BIN)/python $(PIP_WHEEL)/pip -qq --disable-pip-version-check install --no-index $(PIP_WHEEL)
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/test.txt
	@touch $@

$(READY): $(PACKAGES_READY) setup.cfg pyproject.toml
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $@
