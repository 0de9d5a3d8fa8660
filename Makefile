# `make help` lists what make can do here; `make results` is where to start.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help tour preflight results demo all check style types-and-rules quick-tests test tests test-full bench docs lock clean distclean environment

PYTHON ?= python3
LOCK := envs/requirements.lock
# pytest shares the files of tests among processes; the tests of a file stay together. Compiled modules are kept even where
# the shell forbids it: without them each process needs five seconds more to begin.
PYTEST := PYTHONDONTWRITEBYTECODE= python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# commands find the tools of .venv first, as after `source .venv/bin/activate`, and the library without installing it
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH" PYTHONPATH=workflow_scripts

help: ## list what make can do here
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 18

preflight: environment ## read the text, train nothing, and say what will fail and what a run takes: CONFIG=mine.yaml
	@$(IN_VENV) snakemake --cores all preflight $(if $(CONFIG),--configfile $(CONFIG))

tour: environment ## run every system at tiny sizes in a few minutes, and write results-tiny/index.html
	@$(IN_VENV) snakemake --cores all all --configfile config/tiny.yaml config/tour.yaml
	@echo "Open results-tiny/index.html: every system, at sizes so small that the values mean nothing."

# the target of Snakemake, and the report that says how each of its files was made
define RUN
@$(IN_VENV) snakemake --cores all $(1)
@$(IN_VENV) snakemake --report results/report.html $(1)
@echo "Open results/index.html; results/report.html says how each file was made."
endef

results: environment ## run the main experiment on all cores, and write results/index.html
	$(call RUN,main)

all: environment ## run every system on all cores, after a line that says how long it should take; write results/index.html
	$(call RUN,all)

demo: environment ## type on a keyboard of the exported models, on a page that only this machine can open: PORT=8765
	@$(IN_VENV) snakemake --cores all export
	@$(IN_VENV) python -m privatune.demo results/export $(if $(PORT),--port $(PORT))

check: style ## check format, style, layers, types and rules, and run the quick tests, in about a minute
	@$(MAKE) --no-print-directory -j2 types-and-rules quick-tests

style: environment
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) ruff check .
	@$(IN_VENV) snakefmt --check Snakefile rules
	@$(IN_VENV) lint-imports

# these run beside the tests, which wait now and then; mypy takes half a minute where it has no cache
types-and-rules:
	@$(IN_VENV) mypy
	@$(IN_VENV) snakemake --lint

# few examples of each property: see tests/conftest.py
quick-tests:
	@$(IN_VENV) $(PYTEST) --hypothesis-profile few --ignore tests/workflow -m "not slow and not full"

test: style ## run all of these checks with every test: slow ones, and those that run Snakemake itself
	@$(MAKE) --no-print-directory -j2 types-and-rules tests

MARKED := not full
tests:
	@$(IN_VENV) $(PYTEST) -m "$(MARKED)"

test-full: ## run `make test` with the slowest tests too: random kills, full disks, every damaged file
	@$(MAKE) --no-print-directory test MARKED=

bench: environment ## compare the speed of the kernels with plain code, and write results/benchmarks/*.csv
	@for script in $(filter-out %/common.py,$(wildcard benchmarks/*.py)); do $(IN_VENV) python $$script; done

docs: environment ## write config/schema.yaml, docs/configuration.md and docs/re-runs.csv from the code
	@$(IN_VENV) python -m privatune.reference
	@$(IN_VENV) python tests/workflow/matrix.py

# pip installs the packages by name, and `pip freeze` lists what it installed. torch pins its own CUDA libraries where it
# needs them, and a local version tag (2.13.0+cpu) exists on one host only: both are left out, so that the lock can be
# installed everywhere.
lock: ## pin all packages that envs/requirements.in needs, in envs/requirements.lock
	@echo "Resolving envs/requirements.in in .venv-lock ..."
	@$(PYTHON) -m venv --clear .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check -r envs/requirements.in
	@{ echo "# Written by 'make lock' from envs/requirements.in; do not edit."; \
	   .venv-lock/bin/python -m pip freeze --all --exclude pip \
	   | sed -e 's/+[^ ]*//' -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d'; } > $(LOCK).new
	@mv $(LOCK).new $(LOCK)
	@rm -rf .venv-lock
	@echo "Wrote $(LOCK). Change the same versions in envs/privatune.yaml too."

# a link is removed, but not what it points to, which may hold more than results: it is named instead.
# results/README.md, which git tracks, stays; where a link has taken its place, it comes back.
define REMOVE
links=$$(find results results-* -type l -exec readlink -f {} \; 2>/dev/null | sort -u || true); \
if [ -L results ]; then rm results; git checkout --quiet -- results/README.md 2>/dev/null || true; \
elif [ -d results ]; then \
  find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +; rmdir results 2>/dev/null || true; \
fi; \
rm -rf results-*; \
while IFS= read -r place; do \
  [ ! -e "$$place" ] || printf "Kept what a link pointed to, which may hold private text; remove it yourself: rm -rf %q\n" "$$place"; \
done <<< "$$links"
endef

clean: ## remove what is in results/ and results-*/, which is everything that the workflow made except secrets/
	@$(REMOVE)
	@echo "Removed results/ and results-*/. The packages are still installed in .venv; 'make distclean' removes them too."
	@[ ! -d secrets ] || echo "Kept secrets/: it holds models that were released once and cannot be made again (docs/dp-fedavg.md)."

distclean: ## remove these, .venv, Snakemake's records and the caches of the tools
	@$(REMOVE)
	@rm -rf .venv .venv-lock .snakemake .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@echo "Removed results/, results-*/, .venv, .snakemake and the caches."

# .venv holds a copy of the lock that it was made from, which is written last: if the lock has changed or an installation
# was interrupted, .venv is made again.
environment: ## install the packages into .venv
	@cmp -s $(LOCK) .venv/requirements.lock && .venv/bin/python -c '' 2>/dev/null && exit 0; \
	[ ! -L .venv ] || \
	  { echo "make: .venv is a link to packages that are not those of $(LOCK), and others may use them; remove the link, and run make again" >&2; exit 1; }; \
	command -v "$(PYTHON)" >/dev/null || \
	  { echo "make: $(PYTHON) was not found; install Python 3.11 to 3.13, or name another one: make PYTHON=python3.12 ..." >&2; exit 1; }; \
	"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "make: Privatune needs Python 3.11 to 3.13, and this is $$("$(PYTHON)" --version); name another one: make PYTHON=python3.12 ..." >&2; exit 1; }; \
	"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "make: $(PYTHON) cannot create virtual environments; install its venv module (Debian: apt install python3-venv)" >&2; exit 1; }; \
	packages=$$(grep -c == $(LOCK)); \
	echo "Installing $$packages packages into .venv with $$("$(PYTHON)" --version). This is done once and takes some minutes."; \
	"$(PYTHON)" -m venv --clear .venv; \
	.venv/bin/python -m pip install --disable-pip-version-check --no-input -r $(LOCK) | \
	  { found=0; while read -r line; do case $$line in \
	      Collecting*|Processing*) found=$$((found + 1)); (( found % 20 )) || echo "  found $$found of $$packages" ;; \
	      Installing*) echo "  unpacking them" ;; \
	      "Successfully installed"*) echo "  done" ;; esac; done; }; \
	cp $(LOCK) .venv/requirements.lock
