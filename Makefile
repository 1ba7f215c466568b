# `make demo` and `make test` do all the set-up they need, in .venv.
PYTHON ?= python3
BIN := .venv/bin
TORCH := torch==2.13.0

.PHONY: demo test lint types fuzz chaos site wheels clean help

help:
	@echo "make demo   edit and animate the example photo into demo/"
	@echo "make test   lint, type check and run all tests"
	@echo "make fuzz   try changed inputs at every door, MINUTES=1"
	@echo "make chaos  kill and disturb long jobs, KILLS=100"
	@echo "make site   the documentation, into build/site"
	@echo "make wheels the packages for the package index, into dist/"
	@echo "make clean  remove .venv, demo/ and caches"

.venv/core: pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('Mimica needs Python 3.10 or newer.' if sys.version_info < (3, 10) else 0)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=23.2"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/dev: .venv/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

demo: .venv/core
	mkdir -p demo
	$(BIN)/mimica read examples/astronaut.jpg
	$(BIN)/mimica edit examples/astronaut.jpg --expression surprised -o demo/surprised.jpg
	$(BIN)/mimica grid examples/astronaut.jpg -o demo/action_units.jpg
	$(BIN)/mimica animate examples/astronaut.jpg --expressions "neutral@0, happy@1, surprised@2.5, sad@4, angry@5.5, neutral@7" --alive -o demo/astronaut.mp4
	@echo "Open demo/astronaut.mp4, demo/surprised.jpg and demo/action_units.jpg."

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/mypy

# One thread a process: as many processes as cores leave none for more.
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadgroup

MINUTES ?= 1
SEED ?= 0
KILLS ?= 100

fuzz: .venv/dev
	$(BIN)/python tests/fuzz/campaign.py --minutes $(MINUTES) --seed $(SEED) --keep

chaos: .venv/dev
	$(BIN)/python tests/chaos/chaos.py --kills $(KILLS) --seed $(SEED)

site: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python docs/build_site.py

wheels: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	$(BIN)/python models/build.py dist

clean:
	rm -rf .venv demo .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info
