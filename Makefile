# Two commands for a bare machine with Python 3.11+ and a package index:
#   make demo   trains the default model, draws labelled digits, and shows them on a page
#   make test   lint, types and the whole test suite

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test bench clean

demo: .venv/installed
	$(BIN)/digitsmith demo --out demo

test: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2

bench: .venv/installed-dev  # on a machine with nothing else to do; each writes its table into docs/performance.md
	$(BIN)/python benchmarks/startup.py --json benchmarks/results/startup.json --docs docs/performance.md
	$(BIN)/python benchmarks/drawing.py --json benchmarks/results/drawing.json --docs docs/performance.md
	$(BIN)/python benchmarks/throughput.py --json benchmarks/results/throughput.json --docs docs/performance.md

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("digitsmith needs Python 3.11 or newer; name one with PYTHON=python3.x" if sys.version_info < (3, 11) else 0)'
	@echo "setting up .venv (about a minute) ..."
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv  # again where one stopped halfway
	@$(PIP) --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "adding what the tests need ..."
	@$(PIP) --editable '.[dev]'
	@$(PIP) --no-deps torch-fidelity  # an oracle; torchvision, which it asks for, does not import beside a CPU torch
	@touch $@

clean:
	rm -rf .venv build dist demo .mypy_cache .ruff_cache .pytest_cache
