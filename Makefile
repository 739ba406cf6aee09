# `make` alone lists the targets. Variables: ARGS for the command behind the target, VENV for another place than .venv.
VENV ?= .venv
PYTHON := $(VENV)/bin/python
COMPILE := $(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" pyproject.toml requirements/build.in
COMPILE_ALONE := $(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --upgrade \
	--custom-compile-command "make lock"
export VENV

.DEFAULT_GOAL := help
.PHONY: help demo test test-faults test-integrations test-kafka test-containers lint bench bench-all guard docs lock clean install-demo install-dev

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install-demo ## Start everything, replay the samples, look totals up (ARGS=--exit: and stop)
	@$(PYTHON) -m c360 demo $(ARGS)

test: install-dev ## Run the tests, two files at a time (ARGS: of pytest, such as ARGS=tests/unit)
	$(PYTHON) -m pytest --numprocesses 2 --dist loadfile $(ARGS)

test-faults: install-dev ## Run the long fault tests (twenty minutes)
	$(PYTHON) -m pytest tests/faults -m long $(ARGS)

test-integrations: install-dev ## Try integrations/ with dbt, Great Expectations, Streamlit, in environments of their own
	$(PYTHON) -m pytest -m integrations $(ARGS)

test-kafka: install-dev ## Run the integration and fault tests on Apache Kafka (Java)
	$(PYTHON) -m pytest tests/integration tests/faults -m 'not containers and not long and not integrations' --broker kafka $(ARGS)

test-containers: install-dev ## Run the integration tests on containers, and the compose file (Docker)
	$(PYTHON) -m pytest tests/integration --broker container --database container $(ARGS)
	$(PYTHON) -m pytest tests/containers -m containers $(ARGS)

lint: install-dev ## Style, types, import layers, SQL
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	$(PYTHON) -m sqlfluff lint sql

bench: install-dev ## Measure throughput, limit, replays and API, each against something hand-written (a quarter of an hour)
	$(PYTHON) -m benchmarks short $(ARGS)

bench-all: install-dev ## Measure everything: against every peer, in environments of their own; growth, refreshing
	$(PYTHON) -m benchmarks all $(ARGS)

guard: install-dev ## Fail when something takes much more CPU than it did, by ratios to references (a minute)
	$(PYTHON) -m benchmarks guard $(ARGS)

docs: install-dev ## Make the documents that are made from the code
	$(PYTHON) -m c360 config docs > docs/settings.md
	$(PYTHON) -m local_stack.data_model > docs/data-model.md
	$(PYTHON) -m local_stack.metrics_page > docs/metrics.md

lock: install-dev ## Pin the dependencies anew, with hashes
	$(COMPILE) --extra embedded --upgrade --output-file requirements/demo.lock
	$(COMPILE) --constraint requirements/demo.lock --output-file requirements/image.lock
	$(COMPILE) --extra embedded --extra parquet --extra s3 --extra dev --constraint requirements/demo.lock --upgrade \
		--output-file requirements/dev.lock
	for folder in checks dbt great_expectations streamlit; do \
		$(COMPILE_ALONE) integrations/$$folder/requirements.in --output-file integrations/$$folder/requirements.txt; done
	for peer in bytewax faust flink pathway plain_loop quix; do \
		$(COMPILE_ALONE) benchmarks/peers/$$peer.in --output-file benchmarks/peers/$$peer.txt; done

clean: ## Remove what make and the tests made; data directories of stacks stay
	rm -rf $(VENV) .venv-integrations .venv-benchmarks build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

install-demo:
	@.ci/install demo

install-dev:
	@.ci/install dev
