# Two commands do everything on a fresh machine: `make mnist` trains, `make test` tests.
#
# Each makes the environment it needs, once: a folder .venv beside this file (.venv-3.13 for
# PYTHON=python3.13), filled by pip with the versions pinned in constraints/. A stamp file in the
# folder says what is installed; a change of pyproject.toml or of the pins installs again.
#
#   make test PYTHON=python3.13           another Python
#   make mnist ARGS="--epochs 10"         options for the script (--help lists them)
#   make test TESTS=tests/layers          some of the tests
#   make test ALL=1                       the whole form: what tests/quick.py leaves out, too

PYTHON ?= python3
ARGS   ?=
TESTS  ?=

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV    := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(VERSION))
BIN      = $(VENV)/bin
LOG      = $(VENV)/install.log
PINS    := $(wildcard constraints/python$(VERSION).txt)
STAMP   := $(VENV)/.stamp-$(VERSION)
BENCHES := $(wildcard experiments/benchmarks/*.py)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help mnist test check format docs bench constraints clean

help:
	@echo "make mnist        train on MNIST, evaluate, predict, plot (ARGS=--help for options)"
	@echo "make test         every check, and the tests that look at everything once (ALL=1: every test)"
	@echo "make check        lint, format, types, import contracts"
	@echo "make format       let ruff put the code in form"
	@echo "make docs         the documentation site, in docs/_build/html"
	@echo "make bench        the benchmarks"
	@echo "make constraints  pin the newest versions for this Python"
	@echo "make clean        remove environments, caches and builds"

mnist: $(STAMP)-run
	@$(BIN)/python experiments/mnist_mlp.py $(ARGS)

test: check
	@JKERAS_TESTS=$(if $(ALL)$(TESTS),all,quick) $(BIN)/python -m pytest --numprocesses=logical --dist=loadscope --no-loadscope-reorder $(TESTS)

check: $(STAMP)-test
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet || { echo "The files above are not in form: make format"; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(STAMP)-test
	@$(BIN)/ruff check --quiet --fix
	@$(BIN)/ruff format --quiet

docs: $(STAMP)-test
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

bench: $(STAMP)-test
	@for script in $(BENCHES); do \
	    echo "== $$script"; $(BIN)/python $$script $(ARGS) || exit 1; \
	done

clean:
	rm -rf .venv .venv-* build dist docs/_build docs/api docs/notebooks .hypothesis .import_linter_cache .jax_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------------------------
# Environments

define check_python
	@$(PYTHON) -c '' 2>/dev/null || { \
	    echo "$(PYTHON) was not found. Name a Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.13"; \
	    exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "$(PYTHON) is Python $(VERSION); jkeras needs 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.13"; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) comes without the venv module. On Debian and Ubuntu: apt install python$(VERSION)-venv"; \
	    exit 1; }
endef

# $(call pip_install,ARGUMENTS): install quietly; when it fails, say what failed in plain words.
define pip_install
	@$(BIN)/pip install $(1) > $(LOG) 2>&1 || { \
	    grep '^ERROR' $(LOG) | tail -n 2; \
	    if grep -qE 'connection broken by|ConnectionError|ProxyError|timed out' $(LOG); then \
	        echo "No package registry could be reached, so nothing was installed. Details: $(LOG)"; \
	    else \
	        echo "The packages could not be installed. Details: $(LOG)"; \
	    fi; \
	    exit 1; }
endef

$(STAMP):
	$(check_python)
	@echo "Making $(VENV) with Python $(VERSION)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(STAMP)-run: $(STAMP) pyproject.toml $(PINS)
	@echo "Installing jkeras and what it runs on into $(VENV) (a few minutes the first time)"
	$(call pip_install,$(PINS:%=-c %) -e '.[plots]')
	@touch $@

$(STAMP)-test: $(STAMP) pyproject.toml $(PINS)
	@echo "Installing jkeras and the test tools into $(VENV) (a few minutes the first time)"
	$(call pip_install,$(PINS:%=-c %) -e '.[test]')
	@touch $(STAMP)-run $@

# ---------------------------------------------------------------------------------------------
# Pins: the newest versions that this Python resolves to, read off a fresh environment.

constraints: VENV := build/constraints-$(VERSION)
constraints:
	$(check_python)
	@echo "Resolving the newest versions for Python $(VERSION)"
	@$(PYTHON) -m venv --clear $(VENV)
	$(call pip_install,'.[test]')
	@$(BIN)/pip freeze --exclude jkeras > $(VENV)/pins.txt
	@! grep -vE '^[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*$$' $(VENV)/pins.txt || { \
	    echo "The lines above are not plain releases (local builds or addresses): nothing was written."; \
	    exit 1; }
	@{ echo "# Python $(VERSION): written by make constraints PYTHON=python$(VERSION)"; cat $(VENV)/pins.txt; } \
	    > constraints/python$(VERSION).txt
	@echo "Wrote constraints/python$(VERSION).txt"
