VENV ?= .venv
BIN := $(VENV)/bin

# The newest Python that can make a virtualenv; `make PYTHON=/path/to/python test` overrides it.
# Each candidate is run, because a pyenv shim exists for versions that are not selected, too.
PYTHON ?= $(shell \
	for minor in 14 13 12 11 10; do \
		for python in python3.$$minor "$$HOME"/.pyenv/versions/3.$$minor.*/bin/python; do \
			"$$python" -c 'import ensurepip, venv' 2>/dev/null && echo "$$python" && exit; \
		done; \
	done)

.PHONY: help test example lint prose format types docs messages bench bench-scale clean

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

test: $(VENV)/.test  ## Run the tests, on SQLite or on DATABASE_URL
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

example: $(VENV)/.example  ## Run the example project
	$(BIN)/python example_project/demo.py

lint: $(VENV)/.lint prose  ## Check style, formatting and prose
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# The patterns say what CONTRIBUTING.md says under "Language".
prose: $(VENV)/.lint  ## Check spelling and phrasing
	$(BIN)/codespell
	.ci/phrases

format: $(VENV)/.lint  ## Fix what lint can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(VENV)/.lint  ## Check the types
	$(BIN)/mypy

docs: $(VENV)/.docs  ## Build the documentation, warnings are errors
	$(BIN)/sphinx-build -qW --keep-going docs docs/_build/html

# Moving a line changes no catalogue: no line numbers, no wrapping, no date.
messages: $(VENV)/.test  ## Refresh the translations, with GNU gettext; LOCALE=it begins a new one
	cd django_jwtauth && $(abspath $(BIN))/django-admin makemessages $(if $(LOCALE),--locale $(LOCALE),--all) \
		--no-obsolete --no-wrap --add-location file
	sed -i '/^"POT-Creation-Date: /d' django_jwtauth/locale/*/LC_MESSAGES/django.po
	cd django_jwtauth && $(abspath $(BIN))/django-admin compilemessages

bench: $(VENV)/.bench  ## Compare with simplejwt and others, on SQLite or on DATABASE_URL
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-scale: $(VENV)/.bench  ## Compare a million rows with few, on PostgreSQL at DATABASE_URL
	$(BIN)/python -m benchmarks.scale $(BENCH_ARGS)

clean:  ## Remove the virtualenv and everything built
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .tox build dist docs/_build htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(VENV)/.test says that the package and the dependency group "test" are installed, and so on.
$(VENV)/.%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable ".[crypto]" --group $*
	@touch $@

$(BIN)/python:
ifeq ($(strip $(PYTHON)),)
	@echo "No Python 3.10 or newer with venv and ensurepip was found." >&2
	@echo "On Debian and Ubuntu: apt-get install python3-venv. Or name one: make PYTHON=/path/to/python test" >&2
	@exit 1
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"  # the first to know --group
endif
