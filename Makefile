# SPDX-License-Identifier: BSD-2-Clause
#
# The front door.  Meson builds; this file only knows the words to say.

SECONDS_EACH = 60
PREFIX = /usr/local
TESTED = build-check
SANITIZE = -Db_lundef=false -Dcheck_level=2 -Dwerror=true

# $(call configure,FOLDER,OPTIONS): make a build folder, or change its options.
configure = output=$$(exec 2>&1; if test -f $(1)/build.ninja; \
	then meson configure $(1) $(2); \
	else rm -rf $(1) && meson setup $(1) $(2); fi) || \
	{ echo "$$output"; exit 1; }
# $(call run,FOLDER,OPTIONS OF MESON TEST): build and test; ends in the tally.
run = rm -f $(1)/meson-logs/testlog.json; status=0; \
	{ ninja -C $(1) && meson test -C $(1) --print-errorlogs $(2); } || \
	status=$$?; scripts/tally $(1) $$status

.PHONY: all setup check demo torture oracle asan tsan fuzz mutants bench lint \
	format install clean help

all: setup ## build into build/
	@$(call configure,build,-Dprefix=$(PREFIX))
	@ninja -C build

setup: ## install the packages that are missing
	@scripts/setup

check: setup ## build with -Werror, lint and test; ends in N passed, N failed
	@$(call configure,$(TESTED),-Dwerror=true)
	@$(call run,$(TESTED),--no-suite long)

demo: all ## run the main job on real input, with its report
	@scripts/demo

torture: setup ## the long random tests, with every assertion
	@$(call configure,build-torture,-Dwerror=true -Dcheck_level=2)
	@$(call run,build-torture,--suite long --no-suite lint)

oracle: all ## the page oracle: 10^7 checks at each budget, in both modes
	@for mode in thread inline; do build/test/pager/oracle --mode=$$mode \
		--checks=10000000 --progress || exit 1; done

asan: setup ## the tests under the address and undefined-behaviour sanitizers
	@CC=clang; export CC; $(call configure,build-asan,$(SANITIZE) \
		-Db_sanitize=address$(,)undefined)
	@$(call run,build-asan,--no-suite long --no-suite lint)

tsan: setup ## the tests under the thread sanitizer
	@CC=clang; export CC; $(call configure,build-tsan,$(SANITIZE) \
		-Db_sanitize=thread)
	@$(call run,build-tsan,--no-suite long --no-suite lint)

fuzz: setup ## each fuzz target for SECONDS_EACH seconds
	@CC=clang; export CC; $(call configure,build-fuzz,$(SANITIZE) \
		-Db_sanitize=address$(,)undefined -Dfuzz=true -Dtests=false \
		-Dc_args=-fsanitize=fuzzer-no-link)
	@ninja -C build-fuzz
	@scripts/fuzz build-fuzz $(SECONDS_EACH)

mutants: setup ## build each mistake of the mutation list in; a test must fail
	@scripts/mutants

bench: all ## measure all policies beside kernel swap: a table, build/bench.svg
	@bench/run --runs 7 --policies clock linux24 kswapd --svg build/bench.svg

lint: setup ## all lints, the slow ones too
	@$(call configure,$(TESTED),-Dwerror=true)
	@$(call run,$(TESTED),--suite lint)

format: setup ## let clang-format have its way
	@scripts/check-format -i

install: all ## install below PREFIX (default: /usr/local); DESTDIR is obeyed
	@meson install -C build

clean: ## remove what was built
	rm -rf build build-*

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

, = ,
