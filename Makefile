# make demo    load three snapshots of the world's airports and show their history
# make test    check the code and run every test
# make check   only the checks: style, types, layers, house rules
# make bench   measure loads against hand-written programs
# make clean   remove what the others made
#
# Everything lives in .venv, with the versions in constraints.txt. Another interpreter: make PYTHON=python3.13 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Where tests keep their databases: in memory where there is room, since they wait for a disk as long as they work.
MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 8000000 {print $$6}')

.PHONY: demo test check bench lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/.runs
	@$(BIN)/python pipelines/demo.py

test: check
	@$(if $(MEMORY),TMPDIR=$(MEMORY)) $(BIN)/python -m pytest -n 4 --dist worksteal

check: $(VENV)/.develops
	@ci/check

bench: $(VENV)/.develops
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m ci.bench

lock:
	@PYTHON=$(PYTHON) ci/lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	rm -rf pipelines/.dmsflow pipelines/warehouse.duckdb pipelines/warehouse.duckdb.wal pipelines/lookup.sqlite*

# What dmsflow needs to run. The build backend is locked too, so nothing is fetched beside the lock.
$(VENV)/.runs: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("dmsflow needs Python 3.11 or newer, \
	$(PYTHON) is %d.%d: name another one, for example make PYTHON=python3.13" % sys.version_info[:2])'
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing dmsflow"
	@$(PIP) install --quiet --constraint constraints.txt pip hatchling editables
	@$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable .
	@touch $@

# What its tests need on top.
$(VENV)/.develops: $(VENV)/.runs
	@echo "installing what the tests need"
	@$(PIP) install --quiet --constraint constraints.txt --no-build-isolation --editable '.[postgres,dask]' --group dev
	@touch $@
