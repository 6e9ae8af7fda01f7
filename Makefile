# `make demo` and `make test` do all of their own set-up; `make help` lists the rest.

ENVIRONMENT := .venv/.complete
PYTHON := .venv/bin/python
# One thread a process for linear algebra: the samplers run their chains side by side, and would fight over the cores.
# Compiled bytecode is kept whatever the user's settings are: without it an import of PyMC takes ten seconds more.
RUN := env -u PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS=1 $(PYTHON)

# A process of tests wants a core and 2 GB.
WORKERS ?= 2

# The documentation's tutorials run as it is built, or their code alone is shown (off).
EXECUTE ?= force

# SLOW_SHARE=2/10 adds the third tenth of the slow tests.
SELECT := $(if $(SLOW_SHARE),--slow-share $(SLOW_SHARE),-m "not slow")

.DEFAULT_GOAL := help
.PHONY: help demo test slow lint format docs reports studies benchmark benchmark-modes install wheel-check canary requirements clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(ENVIRONMENT) ## compare MAP with the posterior on eight schools; writes eight_schools.html
	$(RUN) -m bayescompare.cli compare eight_schools --report eight_schools.html

test: $(ENVIRONMENT) ## the tests, but for the slow ones, in two processes (WORKERS=0: in one)
	$(RUN) -m pytest --numprocesses $(WORKERS) --dist loadfile $(SELECT) $(ARGS)

slow: $(ENVIRONMENT) ## the slow tests
	$(RUN) -m pytest -m slow $(ARGS)

lint: $(ENVIRONMENT) ## style, format, types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

format: $(ENVIRONMENT) ## put the code into the project's style
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

docs: $(ENVIRONMENT) .venv/.docs ## the documentation site, in build/site; EXECUTE=off leaves the tutorials unrun
	EXECUTE=$(EXECUTE) $(RUN) -m sphinx -W --keep-going -q -b html docs build/site

.venv/.docs: $(ENVIRONMENT) requirements/docs.txt
	$(PYTHON) -m uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements/docs.txt
	@touch $@

reports: $(ENVIRONMENT) ## every template's report and their index, in reports/; what is current stays as it is
	$(RUN) -m bayescompare.cli gallery --out reports $(ARGS)

studies: $(ENVIRONMENT) ## run the shipped studies, as far as they are not done, and write reports/study_*.html
	$(RUN) reports/studies/publish.py $(ARGS)

benchmark: $(ENVIRONMENT) ## time a comparison against the script that a PyMC user would write
	$(RUN) benchmarks/end_to_end.py $(ARGS)

benchmark-modes: $(ENVIRONMENT) ## the modes of reference posteriors, as points and as cost, beside pm.find_MAP's
	$(RUN) -m benchmarks.modes $(ARGS)

install: $(ENVIRONMENT) ## the environment alone, in .venv

wheel-check: $(ENVIRONMENT) ## build the wheel and use it from an empty environment
	$(RUN) -m pytest tests/packaging $(ARGS)

$(ENVIRONMENT): pyproject.toml .python-version requirements/dev.txt requirements/uv.txt requirements/install.sh
	@requirements/install.sh
	@touch $@

canary: $(ENVIRONMENT) ## the tests of model/ and methods/ against the newest PyMC, nutpie, ArviZ and JAX, in an environment of its own
	requirements/canary.sh $(ARGS)

# Exact versions with hashes. No index is named in the files: they serve wherever the packages come from.
COMPILE := $(PYTHON) -m uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command "make requirements"

requirements: $(ENVIRONMENT) ## compile requirements/*.txt anew
	$(COMPILE) pyproject.toml --group dev --extra numpyro --extra blackjax --extra plots --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(COMPILE) --group docs --constraint requirements/dev.txt --output-file requirements/docs.txt
	echo uv | $(COMPILE) - --constraint requirements/dev.txt --output-file requirements/uv.txt

clean: ## remove what was built, but not .venv
	rm -rf build dist artefacts .pytest_cache .mypy_cache .ruff_cache .hypothesis
