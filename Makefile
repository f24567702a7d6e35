# demo: a first look, from nothing.  test: everything that must hold.  check: lint, types, layers.  fix: format.
SHELL := /bin/sh
.DEFAULT_GOAL := demo
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Without a C compiler NumPy does the kernels' work. Under CI, one that fails may not pass for one that is missing.
ifneq ($(CI),)
ifneq ($(shell command -v "$(CC)" 2>/dev/null),)
export KIZU_REQUIRE_KERNEL ?= 1
endif
endif

.PHONY: demo test check fix browser clean

demo: $(VENV)/.core
	$(BIN)/python -m kizu demo -o demo-out --overwrite

test: check browser
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

fix: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser: $(VENV)/.test
	@sh tools/browser.sh

# Stamps live inside the environment, so that removing it forgets them too.
$(VENV)/.made: tools/venv.sh
	sh tools/venv.sh "$(PYTHON)" "$(VENV)"
	touch $@

$(VENV)/.core: $(VENV)/.made pyproject.toml requirements/core.txt src/kizu/__init__.py CMakeLists.txt $(wildcard native/*)
	sh tools/install.sh "$(VENV)" requirements/core.txt
	touch $@

$(VENV)/.test: $(VENV)/.core requirements/test.txt
	sh tools/install.sh "$(VENV)" requirements/test.txt
	touch $@

clean:
	rm -rf $(VENV) demo-out demo-out-frames
