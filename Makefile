# Every target makes what it needs; nothing has to be installed by hand but Python 3.11+ (with venv), git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TOPIC ?=
N ?= 50

.DEFAULT_GOAL := help
.PHONY: help quiz test live studio check format docs bench chaos clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

quiz: $(VENV)/.local ## set everything up, then quiz you (TOPIC=kv-cache-scaling for a topic of your choice)
	@$(BIN)/study model pull
	@$(BIN)/study quiz $(TOPIC) || [ $$? -eq 1 ]  # 1: not passed yet, which is no error of make's

# Four workers on two cores: many tests wait for other processes.
test: $(VENV)/.dev ## set everything up, then run the tests (without the embedded model)
	@$(BIN)/python -m pytest -n 4

live: $(VENV)/.dev ## run the tests that use the embedded model (fetches it once, 1.1 GB)
	@$(BIN)/study model pull
	@$(BIN)/python -m pytest -m live

studio: $(VENV)/.dev $(VENV)-studio/.studio ## drive a real LangGraph server with its SDK and with requests of a foreign page
	@STUDIO_PYTHON=$(abspath $(VENV)-studio)/bin/python $(BIN)/python -m pytest tests/studio

check: $(VENV)/.dev ## lint, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.dev ## regenerate what is generated in the docs
	@$(BIN)/python -m agent.cli.docs

bench: $(VENV)/.dev ## measure start-up times (medians)
	@$(BIN)/python -m evals.bench.startup

chaos: $(VENV)/.dev ## kill the program N times at random moments and check that nothing is lost (N=50)
	@$(BIN)/python -m evals.chaos --runs $(N)

clean: ## remove the environment and caches (models stay in the user's cache folder)
	rm -rf $(VENV) $(VENV)-studio build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one with make PYTHON=python3.12 …" >&2; exit 3; }
	@echo "Making the environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.local: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing packages (a minute or two the first time) …"
	@$(PIP) -e '.[local]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing packages for development (a minute or two the first time) …"
	@$(PIP) -e '.[local,dev,eval]'
	@touch $@ $(VENV)/.local

# An environment of its own: langgraph-api is under the Elastic licence and stays out of the one that `study` runs in.
$(VENV)-studio/.studio: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing the LangGraph server (a few minutes the first time) …"
	@$(PYTHON) -m venv $(VENV)-studio
	@$(VENV)-studio/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[studio]'
	@touch $@
