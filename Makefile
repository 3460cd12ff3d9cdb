# Two commands need nothing but Python 3.11+ and make: 'make demo' and 'make test'.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench soak fuzz schema picture clean

demo: $(VENV)/.core
	$(BIN)/stackmend run configs/demo.yaml --output demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python tests/benchmarks/bench.py

# Fifty runs killed with SIGKILL at random moments, over all output formats and a chain that sees
# neighbouring slices; some minutes.
soak: $(VENV)/.dev
	$(BIN)/python tests/kills.py 50

# Damaged files of every format: 3000 of TIFF, 1000 of the others; none may end in a traceback.
fuzz: $(VENV)/.dev
	$(BIN)/python -W ignore tests/fuzz.py 3000 1000

# The assembled schema of the built-in steps, for editors; a test tells when it is out of date.
schema: $(VENV)/.core
	$(BIN)/stackmend schema > schemas/protocol.schema.json

# The picture in the README, made from the demo's result.
picture: demo
	$(BIN)/python tests/make_picture.py demo README.png

clean:
	rm -rf $(VENV) demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stackmend needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/.core: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/python -m pip install --quiet --group test --group check
	touch $@
