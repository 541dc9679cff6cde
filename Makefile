# make run-tests                                  run the suites on the default kernel, built once
# make run-tests tests="suites/boot -k lseek"     pass arguments on to pytest
# make run-tests LKL=/path/to/linux               run them on a kernel of your own (UML=/path/to/linux likewise)
# make check                                      run lkltest's own tests, linter and type checker
# make docs                                       write the documentation as a site, into build/docs
# make reference                                  write docs/reference/ anew

PYTHON ?= python3
VENV := .venv
tests ?= suites
LKL ?=
UML ?=

# Debian's UML is looked for here and not above: the first run has only just installed it.
run-tests: $(VENV)/ready
	@uml='$(UML)'; uml=$${uml:-$$(command -v linux.uml || true)}; set -x; \
	$(VENV)/bin/pytest $(if $(LKL),--lkl="$(LKL)") $${uml:+--uml="$$uml"} $(tests)

check: $(VENV)/ready
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	$(VENV)/bin/pytest -n auto tests

docs: $(VENV)/ready
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --clean

# What CI tests is what is pinned in constraints.txt; a newer pyproject.toml or other pins set the environment up anew.
$(VENV)/ready: pyproject.toml constraints.txt | packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lkltest needs Python 3.11 or later, $(PYTHON) is older: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The pages of docs/reference/, of which a test holds that they are up to date.
reference: $(VENV)/ready
	$(VENV)/bin/python scripts/reference.py

# Looked at in every run: a program that was removed since would show only deep inside of one.
packages:
	@PYTHON=$(PYTHON) scripts/system-packages

clean:
	rm -rf $(VENV) .tox build lkltest-artifacts

.PHONY: run-tests check docs reference packages clean
