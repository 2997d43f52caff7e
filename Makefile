# Every target first installs the tools that it needs (scripts/setup names the Debian packages
# before it installs them).
#
#   PHP, PHP_CONFIG    the PHP to build for and to run (default: the ones on PATH)
#   MODULE             the place for the module (default: modules/phpsess_rs.so)
#   CARGO_TARGET_DIR   the folder of cargo's builds (default: target)
#   DESTDIR            a prefix for the extension directory of `make install`; INSTALL_ROOT is
#                      taken, too, as phpize's Makefiles do
#   PREFIX             the place for the command rustredis of `make install` (default: /usr/local)
#   SUITES             a part of what `make test`, `make test-acl` or `make test-module` runs, by the
#                      names of scripts/test

SHELL := /bin/bash
MODULE ?= modules/phpsess_rs.so
VALGRIND_MODULE = modules/valgrind/phpsess_rs.so

.DEFAULT_GOAL := build
# Set-up runs before the other targets, also under -j.
.NOTPARALLEL:
.PHONY: help build build-valgrind install demo screenshot site dashboard test-dashboard test-site test-login test-install test guard guard-update test-rust test-php test-php-src test-frameworks test-acl test-cluster test-msrv test-pie dist deb rpm test-dist test-miri test-valgrind stress fuzz lint clean setup-%

help: ## this list
	@sed -n 's/^\([a-z0-9.%-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

build: setup-build ## modules/phpsess_rs.so
	@scripts/build '$(MODULE)' release

install: ## build, copy into PHP's extension directory (asks sudo if need be), print the ini lines
	@# Root under sudo often has no cargo, or an old one: the module that `make` built is installed then.
	@if [ ! -f '$(MODULE)' ] || { command -v cargo >/dev/null && scripts/oldest-rust --check 2>/dev/null; }; then \
	  $(MAKE) --no-print-directory build; else echo 'install: no Rust here that builds: $(MODULE) is installed as it is'; fi
	@scripts/install '$(MODULE)'

demo: setup-demo build ## two PHP servers and a Python service that share a login: a walk, then a page for a browser
	@demo/run

screenshot: setup-screenshot build ## docs/demo.png: the demo's page in headless Chromium
	@demo/run scripts/screenshot

site: setup-site ## the documentation site, in build/site
	@scripts/site

test-site: site ## the site in a browser: no page is wider than a phone, and the search finds a setting
	@scripts/test-site

dashboard: setup-dashboard build ## docs/dashboard.png: the Grafana dashboard's panels, asked of a real Prometheus that scrapes two web servers under load (5 minutes)
	@$(or $(CARGO_TARGET_DIR),target)/dashboard/bin/python scripts/dashboard

test-dashboard: setup-test-dashboard build ## the same for half a minute and without the picture: each expression of the dashboard and each alert
	@scripts/dashboard --test

test-login: setup-screenshot build ## logins in headless Chromium, beside other requests with the old id: none is lost
	@scripts/test-login

test-install: setup-test build ## each block of README and docs/install.md that can run here, and the messages that the page explains
	@scripts/test-install

test: setup-test build ## every test; the last line is the sum
	@scripts/test $(or $(SUITES),rust guard php jit subclass throws)

test-rust: setup-test build ## the Rust tests: of the core without PHP, and of the module in real PHP processes
	@scripts/test rust

guard: setup-test build ## instructions of a request and the module's size beside tests/guard/table.tsv, within 3 %
	@scripts/test guard

guard-update: setup-test build ## the same written into the table, with what a request exchanges with Redis; shows each difference
	@GUARD_UPDATE=1 scripts/test guard

test-php: setup-test build ## the .phpt tests
	@scripts/test php

test-php-src: setup-test build ## php-src's own tests of sessions (from Debian's source package), with rustredis as their handler
	@scripts/php-src-tests

test-frameworks: setup-test build ## Debian's Symfony, Laravel, WordPress, phpMyAdmin and others with their sessions in Redis, under php -S and php-fpm (scripts/frameworks fetches them)
	@scripts/test frameworks

test-acl: setup-test build ## all that run the module in PHP as a Redis user with no more rights than README.md names; then those of the lock in a Cluster
	@scripts/test $(or $(SUITES),acl-rust acl-php acl-cluster)

test-cluster: setup-test build ## the tests of the lock and of round trips once more, with a Redis Cluster in the server's place
	@REDIS_TOPOLOGY=cluster scripts/test lock

stress: setup-test build ## processes and Redis killed, stopped, restarted for STRESS_SECONDS (120), judged by their logs; then under one process of HOSTILE_REQUESTS (10000)
	STRESS_SECONDS=$${STRESS_SECONDS:-120} cargo test --no-default-features --test stress -- --nocapture
	HOSTILE_REQUESTS=$${HOSTILE_REQUESTS:-10000} cargo test --no-default-features --test php hostile_restarts:: -- --nocapture

test-module: setup-test build ## the tests that run the module in PHP: for another PHP (scripts/own-php)
	@scripts/test $(or $(SUITES),module php jit)

test-zts: setup-source ## these for a thread-safe PHP 8.2 built from Debian's source (5 minutes), and the .phpt files with PHP's own checks
	@scripts/test zts zts-debug

fuzz: setup-test build ## hostile settings, sessions and a lying Redis, FUZZ_SECONDS (60) each; FUZZ_SEED repeats a run
	@export FUZZ_SECONDS=$${FUZZ_SECONDS:-60} && export JSON_SECONDS=$$FUZZ_SECONDS && \
	cargo test --no-default-features --test protocol --test php -- --nocapture hostile_texts:: lies:: json_property::no_text

test-msrv: setup-msrv ## a build and the unit tests with the oldest Rust that Cargo.toml promises (rustup fetches it)
	@scripts/test msrv

test-pie: setup-pie ## the committed sources as `pie install` builds them: phpize, configure, make, make install without Cargo
	@scripts/test-pie

dist: setup-dist ## what PIE installs: the modules for this PHP's version, x86_64 and arm64, glibc and musl, without and with threads, in dist/; TARGETS="8.4-x86_64-glibc" for others
	@scripts/dist $(TARGETS)

deb: setup-packages ## Debian packages of the modules in dist/
	@scripts/deb

rpm: setup-packages ## RPM packages of the modules in dist/
	@scripts/rpm

test-dist: setup-test-dist ## what is in dist/, run with the PHPs it is for (root): musl, with threads, arm64 under QEMU, Debian 11 to 13; PARTS="files musl" or TESTS=basic for a part
	@scripts/test-dist $(PARTS)

test-miri: setup-miri ## codec, settings, ids, lock and sessions under Miri (rustup fetches it)
	@MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --no-default-features --lib -- codec:: config:: lock:: session::

test-valgrind: setup-valgrind build-valgrind ## the .phpt tests under valgrind's memcheck (about an hour); TESTS="basic json/nesting-ends-at-512-levels.phpt" for a part
	@VALGRIND=1 MODULE=$(VALGRIND_MODULE) php-tests/run $(TESTS)

build-valgrind: setup-build
	@scripts/build $(VALGRIND_MODULE) valgrind

test-8.4: ## make test in a Debian 13 of its own (root): PHP 8.4, Redis 8
	@scripts/debian13 make test

test-valkey: ## the same with Valkey in Redis' place
	@REDIS_SERVER=valkey-server scripts/debian13 make test

test-redis-%: setup-test build ## the tests that a Redis takes part in, with a server that scripts/own-redis fetches: test-redis-6.0, test-redis-6.2, test-redis-valkey-9.1 ...
	@scripts/own-redis $* scripts/test redis php

bench: bench-here ## rustredis beside phpredis and files, here and in the Debian 13, into docs/benchmarks.md (19 minutes from a clean clone)
	@scripts/debian13 make bench-here

bench-here: setup-bench build ## the same for this machine's PHP alone; BENCH="quick dry" only shows that it runs
	@# The part `frameworks` is left out where Debian's packages cannot be had.
	@$$(scripts/frameworks echo scripts/frameworks) cargo bench --no-default-features --target-dir $(or $(CARGO_TARGET_DIR),target)/bench --bench bench -- $(BENCH)

bench-failover: setup-test build ## each kind of failover under load, for docs/operations.md: seconds without sessions, writes lost, requests failed (6 minutes)
	cargo test --no-default-features --test stress failovers:: -- --ignored --nocapture

lint: setup-lint build ## format, clippy, cargo-deny, stubs, shell and Lua syntax
	@scripts/lint

clean: ## remove what was built
	cargo clean
	rm -rf modules build

setup-%:
	@scripts/setup $*
