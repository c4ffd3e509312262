# make run    start everything: API, worker, beat and an embedded Redis (Ctrl-C stops it)
# make test   lint, types, layers, and all tests with real servers and the real kubectl
# make lint   the first three of them
# make bench  measure everything against a fresh server (about ten minutes) and write docs/performance.md
# make demo   play the story of the flavour catalogue against a running server
# make wheel  build an installable package into dist/
# make clean  remove the environment and the tools; the data in .kcpcache stays
#
# Python 3.11 or newer and make are all it needs: the rest is installed into .venv.

MAKEFLAGS += --no-print-directory
PYTHON ?= $(shell command -v python3.11 >/dev/null 2>&1 && echo python3.11 || echo python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: run test lint bench demo tools wheel clean
.DEFAULT_GOAL := run

run: .venv/.installed
	@exec $(BIN)/python manage.py up

demo: .venv/.installed
	@exec $(BIN)/python manage.py demo

test: lint tools
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.installed
	$(BIN)/python -m bench.all

tools: .venv/.installed-dev
	@$(BIN)/python tests/tools/kubectl.py

wheel: .venv/.installed
	$(PIP) wheel --no-deps --wheel-dir dist .
	@rm -rf build kcpcache.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "kcpcache needs Python 3.11 or newer; '$(PYTHON)' is not. Try: make PYTHON=/path/to/python3.11" >&2; \
		exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: requirements.txt | .venv/bin/python
	$(PIP) install -r requirements.txt
	@touch $@

.venv/.installed-dev: requirements.txt requirements-dev.txt | .venv/bin/python
	$(PIP) install -r requirements-dev.txt
	@touch $@ .venv/.installed

clean:
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
