# nightlamp: `make help` lists what can be done here. Two commands do all the set-up: `make demo` and `make test`.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
SHARED  ?= ../shared
DATA    ?= data
# The peers' programs of Rust, and a bare MQTT door: a cargo project of its own (tests/bench/peers/rust).
DOOR    := .cache/peers/target/release/door
RUST    := $(shell find core_rs/src -name '*.rs') Cargo.toml Cargo.lock core_rs/Cargo.toml pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo run test test-rust test-python fault soak fuzz bench bench-peers bench-loads bench-page loadtest loadtest-max recordings lint format train wheel lock system clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build  ## a simulated ward of 40 patients on this machine; prints the console's address
	@$(BIN)/nightlamp demo

run: build  ## the server alone, with its embedded PostgreSQL and Redis
	@$(BIN)/nightlamp serve

test: system build  ## every test, against real parts (PostgreSQL, TimescaleDB, Redis, Mosquitto, Chromium)
	@$(MAKE) --no-print-directory test-rust test-python

test-rust:
	cargo test --locked --workspace

test-python: build
	$(BIN)/python -m pytest

fault: build  ## 100 random fault schedules of 60 s under the oracle (FAULT_SEED=..., FAULT_PARALLEL=3); about 45 minutes
	NIGHTLAMP_MODEL_CASES=$(or $(MODEL_CASES),1000) cargo test --locked -q -p nightlamp-core --lib journal::tests::model
	NIGHTLAMP_LONG=1 $(BIN)/python -m pytest -q -s tests/fault/test_disk_full.py tests/fault/test_failing_sync.py
	@schedules=0; outage=0; \
	$(BIN)/python -m tests.fault --schedules 100 --seconds 60 --parallel $(or $(FAULT_PARALLEL),3) $(if $(FAULT_SEED),--seed $(FAULT_SEED)) || schedules=$$?; \
	$(BIN)/python -m tests.fault.store.outage || outage=$$?; \
	echo "fault schedules: exit $$schedules; figures of an outage of PostgreSQL: exit $$outage (0 is good)"; \
	exit $$((schedules || outage))

soak: build  ## 200 kills -9 over a million messages under the oracle (FAULT_SEED=...); about an hour
	$(BIN)/python -m tests.fault --kills 200 --messages 1000000 --rate 0 $(if $(FAULT_SEED),--seed $(FAULT_SEED))

fuzz:  ## cargo-fuzz: every target for 10 minutes (SECONDS=...); `make test` holds the short pass
	@core_rs/fuzz/run.sh $(or $(SECONDS),600)

bench: build $(DOOR)  ## our own figures, measured here and now, into .cache/bench (ONLY="ours-decode ..." for some; about 18 minutes)
	@$(BIN)/python -m tests.bench $(ONLY:%=--only %)

bench-peers: build $(DOOR) $(VENV)/.deps  ## the same work by published parsers, forests, brokers, servers beside ours (about 10 minutes)
	@PYTHONPATH=. $(BIN)/python -m tests.bench.peers.install
	@$(BIN)/python -m tests.bench.peers $(ONLY:%=--only %)

bench-loads: build  ## every load-test scenario TIMES times (5; about an hour), results into .cache/bench/loads (ONLY="hospital")
	@$(BIN)/python -m tests.bench.loads --times $(or $(TIMES),5) $(ONLY:%=--only %)

bench-page: build  ## docs/benchmarks.md from what the benches and load tests left in .cache/bench
	@$(BIN)/python -m tests.bench.page .cache/bench

loadtest: build  ## a load-test scenario against a fresh server of its own (SCENARIO=hospital, ARGS=...); docs/loadtest.md
	@target/release/nightlamp-loadtest run $(or $(SCENARIO),smoke) --spawn $(ARGS)

loadtest-max: build  ## the highest rate the server sustains with a scenario's traffic (SCENARIO=hospital, ARGS=...)
	@target/release/nightlamp-loadtest search $(or $(SCENARIO),hospital) --spawn $(ARGS)

recordings: $(VENV)/.deps  ## write the recordings of $(SHARED)/data in the format of `loadtest SCENARIO=replay`
	@$(BIN)/python loadtest/recordings.py --data $(SHARED)/data

lint: build  ## ruff, mypy strict, stubtest, rustfmt, clippy with warnings as errors
	$(BIN)/ruff format --check server tests
	$(BIN)/ruff check server tests
	$(BIN)/mypy
	cd server && ../$(BIN)/python -m mypy.stubtest nightlamp._core --mypy-config-file ../pyproject.toml
	cargo fmt --check
	cargo clippy --locked --workspace --lib --bins --features nightlamp-core/python -- -D warnings
	cargo clippy --locked --workspace --tests --benches -- -D warnings -A clippy::unwrap_used -A clippy::panic

format:  ## format everything
	$(BIN)/ruff format server tests
	$(BIN)/ruff check --fix-only server tests
	cargo fmt

train: build  ## train the bundles on $(SHARED)/data and write them under models/
	$(BIN)/nightlamp train sepsis --data $(SHARED)/data/physionet2019 --out models
	$(BIN)/nightlamp train deterioration --data $(SHARED)/data/physionet2019 --out models
	$(BIN)/nightlamp train readmission --data $(SHARED)/data/diabetes130 --out models
	$(BIN)/nightlamp train readmission-stay --data $(SHARED)/data/diabetes130 --out models
	$(BIN)/nightlamp transfer sepsis --data $(SHARED)/data/physionet2019 --out models

wheel: $(VENV)/.deps  ## the one wheel that carries everything, into dist/
	$(BIN)/maturin build --release --locked --out dist

lock:  ## write requirements.lock anew from pyproject.toml (needs uv)
	uv pip compile -q --python-version 3.11.0 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra train --group dev \
		pyproject.toml -o requirements.lock
	uv pip compile -q --python-version 3.11.0 --generate-hashes --no-emit-index-url --no-annotate --no-header -c requirements.lock \
		tests/bench/peers/requirements.in -o tests/bench/peers/requirements.lock

system:  ## install the Debian packages that tests need (asks nothing, needs root; says what is missing otherwise)
	@deploy/install-system-packages.sh test

clean:  ## remove build products and the demo's data
	rm -rf target $(VENV) dist $(DATA) .cache

# --- what the targets above stand on ---------------------------------------------------------------------------------

.PHONY: build
build: $(VENV)/.built target/release/nightlamp-loadtest

$(VENV)/.deps: requirements.lock
	@deploy/check-toolchain.sh
	@$(PYTHON) -m venv $(VENV)
	@echo "installing the locked Python packages ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST)
	@echo "building the Rust core (a few minutes the first time) ..."
	@PIP_QUIET=1 VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --locked --quiet
	@touch $@

target/release/nightlamp-loadtest: $(shell find loadtest -name '*.rs' -o -name '*.toml' -o -name '*.css' -o -name '*.js') Cargo.lock
	@echo "building the load-test harness and the simulated ward ..."
	@cargo build --quiet --release --locked -p nightlamp-loadtest
	@touch $@

$(DOOR): $(RUST) $(shell find tests/bench/peers/rust -name '*.rs' -o -name 'Cargo.*')
	@echo "building the peers written in Rust ..."
	@cargo build --quiet --release --locked --manifest-path tests/bench/peers/rust/Cargo.toml --target-dir .cache/peers/target
	@touch $@
