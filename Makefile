# make run   derive, train two small networks, verify, report        make test   the tests
# make check lint, types and tests                                   make lock   write constraints.txt anew
# make test EXTRAS=dev,torch,frameworks   with those of PyTorch, Haiku and Equinox networks too
# make docs  a page a theorem, a page a paper and the API reference in build/site
# make certify  every claim checked by Coq's kernel (apt-get install --no-install-recommends coq); passes without Coq
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test lint check certify docs lock clean

run: $(VENV)/.runtime
	$(BIN)/bnverify run

test: $(VENV)/.$(EXTRAS)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

lint: $(VENV)/.$(EXTRAS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

certify: $(VENV)/.runtime
	$(BIN)/bnverify certify --all --jobs 2 || [ $$? -eq 3 ]

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "got: $$($(PYTHON) --version); expected: Python 3.11 or later; do: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.$(EXTRAS): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) --editable '.[$(EXTRAS)]'
	@touch $@

docs: $(VENV)/.$(EXTRAS)
	$(BIN)/python docs/site.py build/site

lock: $(VENV)/.$(EXTRAS)
	$(BIN)/python -m pip freeze --all --exclude pip --exclude-editable > constraints.txt

clean:
	rm -rf $(VENV) runs build *.egg-info
