# Two commands on a fresh Debian 12 machine as root: `make demo` and `make test`.
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

setup: .venv/.ready  ## Debian packages, .venv with the locked dependencies, relaypilot itself

.venv/.ready: requirements-dev.lock pyproject.toml tests/node/package-lock.json deploy/debian-packages.txt deploy/setup
	@sh deploy/setup

demo: setup  ## watch relaypilot move a real Postfix away from providers that fail (five minutes)
	@$(PY) -m deploy.sandbox demo $(ARGS)

test: setup  ## every test, on real servers
	@$(PY) -m pytest -n 3 --dist worksteal $(ARGS)

check: setup  ## format, lint, types, import contracts
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

format: setup  ## rewrite the source in the house format
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: setup  ## the benchmarks
	@$(PY) -m tests.bench $(ARGS)

clean:  ## remove the environment and caches
	rm -rf .venv tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
