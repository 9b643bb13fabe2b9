# One command each; `make help` lists them.
PYTHON ?= python3
TEST_ARGS ?=
IN_PARALLEL ?= -n 2 --dist worksteal
DEMO_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup check test demo docs clean

READY := .venv/.ready
RUN := .venv/bin/python
SAY_HOW := echo 'the command is .venv/bin/bcdi-inpaint; bcdi-inpaint alone after: source .venv/bin/activate'

help:  ## list the verbs
	@echo "make VERB, where VERB is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST))

setup: $(READY)  ## make .venv with everything in it (seconds when it is there)
	@case "$(MAKECMDGOALS)" in setup) $(SAY_HOW) ;; esac

$(READY): pyproject.toml constraints.txt tools/setup.sh tools/install_pynx.py
	@PYTHON="$(PYTHON)" sh tools/setup.sh
	@touch $(READY)

check: setup  ## lint, formatting, types, docstrings, the rooms
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) tools/check_docstrings.py
	$(RUN) tools/measure_house.py --check
	$(RUN) -m pytest -q tests/test_layers.py
	$(RUN) tools/measure_house.py

# Tests start many processes: with PYTHONDONTWRITEBYTECODE each of them would compile all modules.
test: setup  ## all tests (TEST_ARGS for pytest)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(RUN) -m pytest -q $(IN_PARALLEL) $(TEST_ARGS)

demo: setup  ## simulate a scan, fill its gaps, phase it; leaves demo/ (DEMO_ARGS)
	$(RUN) -m simulation.demo $(DEMO_ARGS)
	@$(SAY_HOW)

docs: setup  ## build the site into build/site and look at every page
	$(RUN) tools/build_site.py

clean:  ## remove .venv, caches and demo/
	rm -rf .venv demo build docs/generated docs/auto_gallery *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
