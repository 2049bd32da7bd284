# vaejax: `make sweep` trains and answers, `make test` checks. Both set up .venv first, once.
PYTHON ?= python3
OUT ?= runs/digits
# another environment beside it: make borders VENV=.venv-lowest CONSTRAINTS=constraints-lowest.txt
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# tests wait for compilations, which take one core each
WORKERS ?= -n 2 --dist worksteal

# compiled programs are kept from one test run to the next
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES ?= -1

.PHONY: help setup sweep test pytest test-long borders smoke lint bench bench-curves aot clean

help:
	@echo "make sweep      train a grid of VAEs on the digits and write a report ($(OUT)/report.html)"
	@echo "make test       lint, types and tests"
	@echo "make test-long  the tests that are too slow for every run"
	@echo "make borders    the tests of what meets other libraries: networks, data, files, the engine, the command line"
	@echo "make bench      time the grid beside linen, PyTorch and pythae on the same work (benchmarks/README.md)"
	@echo "make bench-curves  time of a step against members, batch, width and latent size"
	@echo "make aot        compile the grid step for TPUs and H100s that are not here, and look for collectives in it"
	@echo "make smoke      a few tests of every kind, in under two minutes"

setup: $(READY)

$(READY): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "vaejax needs Python 3.11 or newer, this is %s: make PYTHON=python3.12" % sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINTS:%=--constraint %) --editable '.[test]'
	@touch $@

sweep: $(READY)
	@if [ -e $(OUT)/answer.json ]; then \
		echo "The run in $(OUT) is finished. Its report: $(OUT)/report.html  (another run: make sweep OUT=runs/another)"; \
	else $(BIN)/vaejax sweep --data digits --beta 0.5 1 2 4 --latent-size 2 4 8 16 32 --seeds 2 --out $(OUT) --resume; fi

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check

test: lint pytest

pytest: $(READY)
	$(BIN)/pytest $(WORKERS)

test-long: $(READY)
	$(BIN)/pytest $(WORKERS) -m long

borders: $(READY)
	$(BIN)/pytest $(WORKERS) tests/test_adapters.py tests/test_cli.py tests/test_conv.py tests/test_data*.py tests/test_engine.py \
		tests/test_house.py tests/test_model.py tests/test_report.py tests/test_train.py -k "not docstrings and not every_plan"

smoke: $(READY)
	$(BIN)/pytest $(WORKERS) tests/test_model.py tests/test_data.py tests/test_densities.py tests/test_house.py -k "not docstrings"
	$(BIN)/vaejax sweep --data digits --latent-size 2 8 --seeds 1 --epochs 20 --out $$(mktemp --directory)/run

# other libraries that do the same work; another interpreter that has them: make bench PEERS=...
PEERS ?= .venv-peers/bin/python
BENCH ?=

.venv-peers/.ready: benchmarks/requirements.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

bench: $(READY) $(if $(filter .venv-peers/%,$(PEERS)),.venv-peers/.ready)
	$(BIN)/python -m benchmarks --peers $(PEERS) $(BENCH)

bench-curves: $(READY)
	$(BIN)/python -m benchmarks.curves $(BENCH)

# compilers for accelerators, beside jax in an environment of their own
aot: .venv-aot/.ready
	.venv-aot/bin/python -m benchmarks.aot

.venv-aot/.ready: benchmarks/requirements-aot.txt pyproject.toml constraints.txt
	test -x .venv-aot/bin/python || $(PYTHON) -m venv .venv-aot
	.venv-aot/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	.venv-aot/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

clean:
	rm -rf .venv* .cache runs
