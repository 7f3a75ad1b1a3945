# Everything a newcomer or a build machine needs; `make` alone says what there is.

SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PY := .venv/bin/python
PIP_OPTIONS := --no-compile --quiet --disable-pip-version-check --constraint constraints.txt
PACKAGES := recsys api training eval
THREAD_LIMITS := OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS BLIS_NUM_THREADS NUMEXPR_NUM_THREADS POLARS_MAX_THREADS PJRT_NPROC

# Compiled modules are kept, whatever the shell around says: else every process spends its first three seconds compiling.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check docs bench soak fmt lock wheels image clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.for-demo ## import real retail data, train, compare, serve on port 8000 (DEMO_ONCE=1: answer and stop)
	@$(PY) -m training.demo

test: .venv/.for-test ## every quick test, real Redis and PostgreSQL included (ARGS="-k bundle" picks some)
	@memory=/dev/shm; [ -w $$memory ] && [ "$$(df --output=avail $$memory 2>/dev/null | tail -1)" -gt 8000000 ] 2>/dev/null || memory=$${TMPDIR:-/tmp}; \
	  folder=$$memory/recsys-$$(id -u) && mkdir -p -m 700 $$folder && \
	  TMPDIR=$$folder $(PY) -m pytest -n 3 --dist loadfile $(ARGS)

test-all: .venv/.for-test .venv/.for-spark ## the slow tests too, more examples of every law, and the coverage beside its floor
	@$(PY) -m pytest -n 2 --dist loadfile -m "not soak" --hypothesis-profile all $(if $(ARGS),,--cov --cov-report=) $(ARGS)

check: .venv/.for-test ## lint, format, types, directions of imports, what bandit finds unsafe
	@$(PY) -m ruff check --quiet
	@$(PY) -m ruff format --check --quiet
	@$(PY) -m mypy --no-error-summary
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/bandit --quiet --recursive --configfile pyproject.toml $(PACKAGES)

docs: .venv/.for-docs ## the documentation as a site, in site/; a dead link is an error, and so is anything loaded from another host
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@! grep -rnE '<(link|script|img|iframe|source)[^>]+(src|href)="?(https?:)?//|(@import|url\()["'\'']?(https?:)?//' \
	  --include='*.html' --include='*.css' site

bench: .venv/.for-test ## every speed figure beside its budget (ARGS="--home .demo --only live": a part of them)
	@$(PY) -m tests.bench.main $(ARGS)

soak: .venv/.for-test ## kills, restarts, swaps and hostile input for an hour, and 5,000 examples of every law
	@$(PY) -m pytest -n 2 -m "" --hypothesis-profile soak $(ARGS)

fmt: .venv/.for-test ## mend what lint and format can mend
	@$(PY) -m ruff check --fix --quiet || true
	@$(PY) -m ruff format --quiet

lock: .venv/.for-test .venv/.for-docs ## write constraints.txt from what is installed and tested
	@$(PY) -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$$' > constraints.txt

wheels: .venv/bin/python ## build both distributions into dist/: recsys-shop (the engine) and recsys-shop-client (the Python client alone)
	@$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist . ./recsys/client
	@rm -rf build recsys/client/build *.egg-info/SOURCES.txt recsys/client/*.egg-info
	@ls dist

image: ## build the container image over Debian's packages, where no registry of images is reached (root; podman, buildah, debootstrap)
	@deploy/docker/build_local.sh

clean: ## remove the environment, caches and the demo's shop
	@rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build site dist .coverage *.egg-info
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Arrays are small and processes many: more than one thread each only gets in the way.
$(foreach name,$(THREAD_LIMITS),$(eval test test-all soak: export $(name) := 1))

.venv/.for-%: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Setting up .venv for $* ..."
	@$(PY) -m pip install $(PIP_OPTIONS) --editable '.[$*]'
	@touch $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Python 3.11 or newer is needed; say which with: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
