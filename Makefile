# make demo         a thousand subscribers' keys renewed, on this machine
# make demo-office  the same by an office's means: a database, mail, two workers, a crash
# make test         everything that a change must pass
# make test-slow    the long campaigns and the wheel
# make lint         style, types and floors only
# make token-bench  a shell with virtual tokens in it, to try things out (ARGS=...)
# make bench        measured beside other implementations; some minutes
# make wheel        the abi3 wheel, audited and tried on every Python found
# make clean        remove all that these made
#
# PYTHON=...        the interpreter for .venv (3.10 to 3.13)
# SUBSCRIBERS=...   for demo and demo-office (1,000 and 10,000 if left out)
# JOBS=...          tests side by side
# CHART=...         where bench puts its chart (.svg or .png)
# GOSTKEY_APT=no    never install Debian packages, even as root

SHELL := /bin/bash
JOBS ?= 2
CHART ?= build/bench/chart.svg
PY := .venv/bin/python

# The tests have the core compiled a dozen times, partly the same way; Debian's ccache,
# where it is there, stands before the compilers.
export PATH := /usr/lib/ccache:$(PATH)
export CCACHE_DIR ?= $(CURDIR)/build/ccache
export CCACHE_NOHASHDIR = 1

.PHONY: demo demo-office test test-slow lint bench token-bench wheel clean environment

demo:
	@tools/environment.sh
	.venv/bin/gostkey demo --subscribers $(or $(SUBSCRIBERS),1000)

# Servers of its own, in temporary folders and without rights; see `demo.py --help`.
demo-office:
	@tools/environment.sh office
	$(PY) tests/office/demo.py --subscribers $(or $(SUBSCRIBERS),10000)

environment:
	@tools/environment.sh test lint

lint: environment
	.venv/bin/ruff check .
	.venv/bin/ruff format --check --quiet .
	.venv/bin/mypy
	.venv/bin/mypy tools bench/demo.py bench/chart.py bench/containers.py
	.venv/bin/lint-imports

# First some of what stands on the primitives, on the fallback alone, as a machine
# without a compiler runs it; then everything, primitives on both backends.
PURE := tests/media/test_folder.py tests/media/test_faults.py \
    tests/pki/test_chain.py tests/pki/test_ca.py \
    tests/cli/test_sign.py tests/cli/test_container.py
# What stands on the kernels, once more with each family that this machine can run but
# the fastest, which all tests have run with; plain Python has no kernels, and what goes
# through all families by itself has done so.
KERNEL_TESTS := tests/curves tests/hashing tests/kdf tests/batch tests/signing \
    tests/agreement tests/random/test_drbg.py tests/random/test_generator.py
OTHER_FAMILIES = $$($(PY) -c \
    'from gostkey import bindings; print(*bindings.kernel_names()[1:])')
# Tests flush thousands of small files; what they break or kill is a process or a disk of
# their own, never the machine, so it may as well be in memory.  The first of them and
# all of test-slow keep to the disk.
test: lint
	@printf '\n== Tests on the pure-Python fallback\n'
	GOSTKEY_BACKEND=pure $(PY) -m pytest -q -n $(JOBS) $(PURE)
	@printf '\n== All tests\n'
	@tools/in_memory.sh $(PY) -m pytest -n $(JOBS) --dist=worksteal
	@for family in $(OTHER_FAMILIES); do \
	    printf '\n== What stands on the kernels: %s\n' $$family; \
	    GOSTKEY_KERNELS=$$family $(PY) -m pytest -q -n $(JOBS) -k 'not pure' \
	        -m 'not slow and not every_family' $(KERNEL_TESTS) || exit 1; \
	done

test-slow: environment
	@tools/environment.sh test lint bench wheel
	$(PY) -m pytest -n $(JOBS) --dist=worksteal -m "slow or not slow" --hypothesis-profile=long
	@for family in $(OTHER_FAMILIES); do \
	    printf '\n== All tests with kernels: %s\n' $$family; \
	    GOSTKEY_KERNELS=$$family $(PY) -m pytest -q -n $(JOBS) || exit 1; \
	done
	$(MAKE) wheel

# Each layer by itself, then beside others, then the chart of that.
RESULTS := build/bench/results.jsonl
bench:
	@tools/environment.sh test bench
	$(PY) -m pytest bench -q --benchmark-only -p no:xdist \
	    --benchmark-max-time=0.05 --benchmark-min-rounds=3 --benchmark-warmup=on \
	    --benchmark-warmup-iterations=2 --benchmark-sort=fullname \
	    --benchmark-columns=median,min,max,rounds
	@mkdir -p $(dir $(RESULTS)) $(dir $(CHART))
	.venv/bin/gostkey bench --peers --save $(RESULTS)
	$(PY) bench/chart.py $(RESULTS) $(CHART)

# Which tokens, with what on them: `$(PY) tests/cards/run.py --help`.
token-bench:
	@tools/environment.sh token
	@$(PY) tests/cards/run.py $(ARGS)

wheel:
	@tools/environment.sh test wheel
	$(PY) tools/wheel.py

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
	    .hypothesis .benchmarks .import_linter_cache gostkey-demo gostkey-demo-office
	find . -name __pycache__ -prune -exec rm -rf {} +
