# `make help` lists what there is. Recipes work with GNU make 4.3 and any POSIX shell.
JOBS ?= 2
# Seconds one notebook cell may take in the tests.
CELL_TIMEOUT ?= 300

# The active conda environment counts only when it is the one that environment.yml names, and never base.
CONDA_NAME := $(filter-out base,$(shell sed -n 's/^name: *//p' environment.yml))
ifneq ($(and $(CONDA_NAME),$(CONDA_PREFIX),$(filter $(CONDA_NAME),$(CONDA_DEFAULT_ENV))),)
ENV := $(CONDA_PREFIX)
RUNTIME := conda
TEST := conda
else
ENV := .venv
RUNTIME := .venv/.runtime-ready
TEST := .venv/.test-ready
endif
PYTHON := $(ENV)/bin/python
PYTEST := $(PYTHON) -m pytest --numprocesses $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help report lab test test-slow lint lock environment schema spark clean conda

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

report: $(RUNTIME) ## run all notebooks on data/sample and print where the reports are
	$(ENV)/bin/cj run data/sample --jobs $(JOBS)
	@echo reports/sample/latest/index.html

lab: $(RUNTIME) ## open JupyterLab in the notebooks folder
	$(PYTHON) -m jupyterlab --LabApp.default_url=/lab/tree/notebooks

test: $(TEST) ## run all tests, the notebooks' stored tables included
	$(PYTEST) --nbval-lax --nbval-current-env --nbval-cell-timeout $(CELL_TIMEOUT) tests notebooks

# Exit code 5 of pytest: there is no slow test.
test-slow: $(TEST) ## run the longer tests
	$(PYTEST) -m slow tests || [ $$? -eq 5 ]

# The same options as in .pre-commit-config.yaml; a test compares them.
NBSTRIPOUT := nbstripout --keep-count --keep-id --extra-keys \
	"metadata.papermill cell.metadata.papermill cell.metadata.execution metadata.language_info.version"
lint: $(TEST) ## check style, types, spelling and that notebooks are stored without outputs; changes nothing
	$(ENV)/bin/ruff check
	$(ENV)/bin/ruff format --check
	$(ENV)/bin/mypy
	$(ENV)/bin/typos
	$(ENV)/bin/$(NBSTRIPOUT) --verify notebooks/*.ipynb

# Keeps the versions that still fit; `make lock UPGRADE=1` takes the newest ones.
LOCK := -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-annotate --no-header $(if $(UPGRADE),--upgrade)
lock: $(TEST) environment ## renew the lock files and environment.yml from pyproject.toml
	$(PYTHON) $(LOCK) --only-binary :all: pyproject.toml -o requirements.lock
	$(PYTHON) $(LOCK) --only-binary :all: pyproject.toml --group test -c requirements.lock -o requirements-test.lock
	$(PYTHON) $(LOCK) --group pyproject.toml:spark -c requirements-test.lock -o requirements-spark.lock

environment: $(TEST) ## renew environment.yml from pyproject.toml
	$(PYTHON) .ci/environment.py

schema: $(TEST) ## renew the JSON schema of dataset.yml, by which editors check it
	$(PYTHON) -m cj_helpers.dataset.scaffold.editor_schema data/dataset.schema.json

# PySpark is published as source only; it is built with the setuptools of the test lock.
spark: $(TEST) ## add PySpark to the environment, for the tests of that engine
	$(PYTHON) -m uv pip install --python $(PYTHON) --require-hashes --no-build-isolation -r requirements-spark.lock

clean: ## remove the environment and all caches; reports stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find cj_helpers tests notebooks \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

.venv/.runtime-ready: requirements.lock pyproject.toml
	@.ci/setup .venv $< $@

# The test lock holds the runtime lock, so both are ready.
.venv/.test-ready: requirements-test.lock pyproject.toml
	@.ci/setup .venv $< $@
	@touch .venv/.runtime-ready

conda:
	@.ci/setup "$(ENV)"
