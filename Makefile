# Two commands need nothing but Python 3.11+ and make: 'make demo' and 'make test'.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench tuner-bench charging soak fuzz schema picture charging-picture tuner-picture clean

demo: $(VENV)/.core
	$(BIN)/stackmend run configs/demo.yaml --output demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python tests/benchmarks/bench.py
	$(BIN)/python tests/benchmarks/align.py

# From a move on the tuner's page to the picture on the screen; needs a browser, some minutes.
tuner-bench: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/tuner.py

# What each model of charging leaves and harms, on slices with added charge; some minutes.
charging: $(VENV)/.dev
	$(BIN)/python tests/benchmarks/charging.py

# The tests that are slow. Runs stopped at every file operation, sixty that lose a worker, a disk that fills up at every tenth,
# fifty killed at random moments, and sixty interrupted once to four times: over all output formats;
# a quarter of an hour.
soak: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow
	$(BIN)/python tests/soak.py 50
	$(BIN)/python tests/interruptions.py 60

# 8000 mutated protocols, 3000 damaged TIFF files and 1000 of other formats: none may end in a
# traceback; some minutes.
fuzz: $(VENV)/.dev
	$(BIN)/python tests/fuzz/protocols.py 8000
	$(BIN)/python -W ignore tests/fuzz/stacks.py 3000 1000

# The assembled schema of the built-in steps, for editors; a test tells when it is out of date.
schema: $(VENV)/.core
	$(BIN)/stackmend schema > schemas/protocol.schema.json

# The picture in the README, made from the demo's result.
picture: demo
	$(BIN)/python tests/make_picture.py demo README.png

# The picture in docs/charging.md, of a real slice; needs the reference data.
charging-picture: $(VENV)/.dev
	$(BIN)/python tests/make_yeast_picture.py docs/charging.png

# The tuner's picture in the README; needs a browser.
tuner-picture: $(VENV)/.dev
	$(BIN)/python tests/make_tuner_picture.py tuner.png

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
