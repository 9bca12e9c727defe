# Two commands do everything on a machine that has Python 3.11 and make:
#   make up     sets up, then runs Homeward with invented cases until Ctrl-C
#   make test   sets up, then runs the whole test suite

.DEFAULT_GOAL := help
.PHONY: help setup up test lint types walks every-page flips long-case prove bench-desk bench-sealing bench-foresight \
	bench-law screenshots catalogues frontend lock audit-dependencies bench-sizing bench bench-cost hostile mutants faults

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The first Python on PATH that is new enough; `make setup PYTHON=...` names another.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3 python,$(shell \
	$(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(p))))

# Further arguments: make up UP_ARGS="--engine-port 0", make test TEST_ARGS="-k ledger".
UP_ARGS ?=
TEST_ARGS ?=
TEST_WORKERS ?= 2
WALKS ?= 20000
FLIPS ?= 2000
LONG_CASE ?= 5000
PROVE_ARGS ?=
HOSTILE_ARGS ?=
MUTANTS_ARGS ?= --processes 2
FAULTS ?= 200
BENCH_ARGS ?=

help:
	@echo "make up      set up, then run Homeward with invented cases; Ctrl-C stops all of it"
	@echo "make test    set up, then run the whole test suite"
	@echo "make setup   set up the environment in $(VENV), start nothing"
	@echo "make lint    style, form, and which room may import which"
	@echo "make types   the type check"
	@echo "make walks   $(WALKS) random walks through the law"
	@echo "make prove   every course within bounds through the law, and what breaks without each safeguard; writes docs/measures.md"
	@echo "make hostile  a million malformed and hostile inputs, each answered; writes docs/measures.md"
	@echo "make mutants  small changes to the law, one at a time, and whether a test sees each; writes docs/measures.md"
	@echo "make faults  $(FAULTS) courses of sixty acts while engine, worker, databases, post, clock and disks fail; writes docs/measures.md"
	@echo "make every-page  every page of the desk in every language, in Chromium"
	@echo "make flips   $(FLIPS) flipped bits of a dossier, each found out"
	@echo "make long-case  a case of $(LONG_CASE) entries, audited: seconds and memory"
	@echo "make bench   what Homeward costs beside a bare floor on the same engine; writes docs/measures.md"
	@echo "make bench-desk  the desk's pages with 10,000 open cases beside a bare page; writes docs/measures.md"
	@echo "make bench-sealing  an act in clear beside one sealed, and one sealed and signed; writes docs/measures.md"
	@echo "make bench-foresight  10,000 invented cases of a year each, on one core; writes docs/measures.md"
	@echo "make bench-law  acts decided in a second by the law alone, on one core; writes docs/measures.md"
	@echo "make bench-sizing  what one case costs, counted; writes tools/sizing.json, from which tools/sizing.py reckons"
	@echo "make screenshots  the README's pictures of the desk, taken anew (needs Chromium)"
	@echo "make catalogues  bring the translations' catalogues up to date with the messages in the code"
	@echo "make frontend  the desk's sheets, scripts and fonts, built anew (needs Node and a network)"
	@echo "make audit-dependencies  ask whether something is known against what the locks install (needs a network)"
	@echo "make lock    choose the newest versions anew (needs a network)"

setup: $(READY)

# The stamp is written last, so that a set-up that was interrupted is done again.
$(READY): requirements/dev.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Homeward needs Python 3.11 or newer, and found none; install it, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 2; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Homeward needs Python 3.11 or newer, and $(PYTHON) is not; name another: make setup PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV) && $(BIN)/python -c 'import pip' || $(PYTHON) -m venv --clear $(VENV); } || { \
		echo "This Python cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "Installing what requirements/dev.lock names ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

up: setup
	@exec $(BIN)/homeward up --demo --data data $(UP_ARGS)

test: setup
	$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/pyright

walks: setup
	HOMEWARD_WALKS=$(WALKS) $(BIN)/python -m pytest -s tests/procedure/walks_test.py

# About an hour on two idle cores, and then the mutants. PROVE_ARGS="--small" takes seconds and shows that it works.
prove: setup
	$(BIN)/python -m proof --write docs/measures.md $(PROVE_ARGS)
	$(if $(findstring --small,$(PROVE_ARGS)),,$(MAKE) mutants)

# Long. MUTANTS_ARGS="procedure/gates.py" looks at one file.
mutants: setup
	$(BIN)/python -m tools.mutants --write docs/measures.md $(MUTANTS_ARGS)

# Half an hour on two idle cores. HOSTILE_ARGS="--count 20000 --through 300" takes minutes.
hostile: setup
	$(BIN)/python -m hostile --write docs/measures.md $(HOSTILE_ARGS)

# About an hour on two idle cores with five courses at once: a worker killed while it tells is waited for two minutes. Disks are full only where root may mount, and clocks jump only with a C compiler.
faults: setup
	$(BIN)/python -m faults --seeds $(FAULTS) --at-once 5 --write docs/measures.md

every-page: setup
	HOMEWARD_EVERY_PAGE=1 $(BIN)/python -m pytest tests/desk/every_page_test.py

flips: setup
	HOMEWARD_FLIPS=$(FLIPS) $(BIN)/python -m pytest tests/casefile/dossier_test.py -k flipped

long-case: setup
	HOMEWARD_LONG_CASE=$(LONG_CASE) $(BIN)/python -m pytest -s tests/casefile/long_case_test.py

# Half an hour on two idle cores; say nothing else to the machine meanwhile. BENCH_ARGS="--small" takes a minute or two
# and writes nothing; BENCH_ARGS="--only events,latency" measures parts of the cost, writes nothing, and leaves the law out.
bench: bench-cost $(if $(findstring --only,$(BENCH_ARGS)),,bench-law)

bench-cost: setup
	$(BIN)/python -m benches.cost --write docs/measures.md $(BENCH_ARGS)

# Ten minutes on two idle cores. BENCH_ARGS="--rounds 3" is quicker and writes nothing.
bench-desk: setup
	$(BIN)/python -m benches.desk --write docs/measures.md $(BENCH_ARGS)

bench-sealing: setup
	$(BIN)/python -m benches.sealing --write docs/measures.md $(BENCH_ARGS)

bench-foresight: setup
	$(BIN)/python -m benches.foresight --write docs/measures.md $(BENCH_ARGS)

bench-law: setup
	$(BIN)/python -m benches.law --write docs/measures.md $(BENCH_ARGS)

bench-sizing: setup
	$(BIN)/python -m benches.sizing --write tools/sizing.json

screenshots: setup
	$(BIN)/python -m tools.screenshots

catalogues: setup
	$(BIN)/python -m casefile.catalogues

# Once per upgrade, by whoever makes it; the result is committed, so that the desk needs no Node.
frontend: setup
	tools/frontend/build.sh $(CURDIR)/$(BIN)/pyftsubset

audit-dependencies: setup
	$(BIN)/python -m tools.advisories

# Locks hold versions and digests, no address of where they came from (docs/decisions/0002).
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 \
	--custom-compile-command "make lock"
lock: setup
	$(COMPILE) pyproject.toml -o requirements/runtime.lock
	$(COMPILE) --group build -o requirements/build.lock
	$(COMPILE) pyproject.toml --group dev -c requirements/runtime.lock -c requirements/build.lock -o requirements/dev.lock
