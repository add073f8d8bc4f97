# The commands of the project. Everything is built below build/; each target can be run again at any time.
# Settings: PROMPT="…" JOBS=2 WERROR=ON PREFIX=/usr/local FUZZ_SECONDS=600

SHELL := /bin/bash
.DEFAULT_GOAL := help

MODEL ?= smollm2-135m-instruct
PROMPT ?= Why is the sky blue? Answer in two sentences.
JOBS ?= $(shell nproc)
WERROR ?= OFF
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 600

CMAKE_FLAGS :=
# Sanitizers make gcc warn of what is not there: warnings count in the release build only.
RELEASE_FLAGS = -DVIVACE_WERROR=$(WERROR) $(CMAKE_FLAGS) $(GPU_FLAGS)
# Backends whose toolchain is here. Tests compile the kernels for one GPU where there is none to run them.
CUDA_CODE = 90a;80-virtual;75-virtual
ifeq ($(wildcard /dev/nvidiactl),)
test test-release: CUDA_CODE = 90a-virtual
endif
GPU_FLAGS = $(if $(wildcard build/cuda/nvidia/cu13/bin/nvcc)$(shell command -v nvcc),-DVIVACE_CUDA=ON "-DVIVACE_CUDA_CODE=$(CUDA_CODE)") \
  $(if $(and $(shell command -v glslc),$(wildcard /usr/include/vulkan/vulkan.h)),-DVIVACE_VULKAN=ON)
ifneq ($(shell command -v ccache),)
  CMAKE_FLAGS += -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
endif
ifneq ($(VIVACE_CONFORMANCE),)
  CMAKE_FLAGS += -DVIVACE_CONFORMANCE=$(VIVACE_CONFORMANCE)
endif
BUILD = cmake --build $(1) --parallel $(JOBS)
CTEST = ctest --test-dir $(1) --output-on-failure --parallel $(JOBS) --timeout 900
# Slow with the thread sanitizer, and no place for races that other tests would not see: arithmetic, samplers.
SINGLE_THREADED = -Sampler.*:Formats/*:Isa/Attention.*:*MappedWeightsGiveTheSameLogits*
FUZZERS = $(notdir $(basename $(shell find src -name '*_fuzz.cpp')))

.PHONY: help setup setup-tests build run test test-release test-dev test-tsan test-full test-arm test-ports test-hip checks bench bench-peers bench-server-peers bench-server-costs soak bench-prediction bench-tune bench-ledger sweep-memory bench-tokenizers format lint fuzz \
  fuzz-tokenizers install package clean

help: ## shows this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: ## installs what the program needs and fetches the default model
	scripts/setup.sh

setup-tests: ## the same with what the tests need
	scripts/setup.sh --tests --cuda

build: ## leaves build/release/vivace
	cmake --preset release -DVIVACE_TESTS=OFF $(RELEASE_FLAGS)
	$(call BUILD,build/release)

run: setup build ## sets up, builds and answers: make run PROMPT="…"
	build/release/vivace run $(MODEL) "$$PROMPT"
run: export PROMPT := $(PROMPT)

test: setup-tests checks test-release test-dev test-tsan ## sets up and runs every test and check

test-release: ## every test, optimised
	cmake --preset release -DVIVACE_TESTS=ON $(RELEASE_FLAGS)
	$(call BUILD,build/release)
	python3 scripts/check_isa_symbols.py --build build/release
	$(call CTEST,build/release)
	@grep -ahs '^did not run: ' build/release/Testing/Temporary/LastTest.log | sort -u || true

test-dev: ## every test with the address and undefined-behaviour sanitizers
	cmake --preset dev $(CMAKE_FLAGS) $(DEV_FLAGS)
	$(call BUILD,build/dev)
	$(call CTEST,build/dev)

test-tsan: ## the tests of code that runs in threads, with the thread sanitizer
	cmake --preset tsan $(CMAKE_FLAGS)
	$(call BUILD,build/tsan) --target concurrent_tests
	GTEST_FILTER='$(SINGLE_THREADED)' VIVACE_FUZZ_ROUNDS=1 $(call CTEST,build/tsan) -L concurrent

test-arm: ## the tests of the kernels, built for Arm and run by qemu
	scripts/setup.sh --arm --no-models
	cmake --preset arm $(CMAKE_FLAGS)
	$(call BUILD,build/arm) --target kernel_tests
	$(call CTEST,build/arm) -L kernel

test-ports: ## compiles core for Windows (mingw-w64) and for macOS on Arm (zig); nothing runs
	scripts/setup.sh --ports --no-models
	cmake --preset windows -DVIVACE_WERROR=$(WERROR) $(CMAKE_FLAGS)
	$(call BUILD,build/windows)
	cmake --preset macos -DVIVACE_WERROR=$(WERROR)
	$(call BUILD,build/macos)

test-hip: ## compiles the CUDA backend for AMD GPUs; nothing runs
	scripts/setup.sh --hip --no-models
	cmake --preset release -DVIVACE_HIP=ON $(RELEASE_FLAGS)
	$(call BUILD,build/release) --target vivace_hip

test-full: test test-arm test-ports test-hip lint ## test, test-arm, test-ports, test-hip, lint, the kernels of every GPU, every split, long invariance fuzzing and a minute of every fuzzer
	cmake --preset release -DVIVACE_TESTS=ON $(RELEASE_FLAGS)
	$(call BUILD,build/release)
	VIVACE_THOROUGH=1 build/release/tests_offload
	VIVACE_FUZZ_ROUNDS=200 build/release/tests_engine --gtest_filter='Fuzz/*'
	$(MAKE) fuzz FUZZ_SECONDS=60

checks: ## layers, sizes, pages, format; needs no build
	python3 scripts/check_layers.py
	python3 scripts/check_sizes.py
	python3 scripts/check_docs.py
	scripts/check_format.sh

bench: build ## speed of the default model on this machine
	build/release/vivace bench $(MODEL)

bench-peers: export PEERS := $(or $(PEERS),build/peers)
bench-peers: build ## speed beside llama.cpp and ik_llama.cpp: make bench-peers [PEERS=DIR] [IK=GIT_DIR] [MODELS=DIR] [BENCH="--cases 'decode/*'"]
	@test -z "$(IK)" -a -x "$$PEERS/bin/llama-bench" || scripts/build_peers.sh "$$PEERS" $(IK)
	scripts/bench_peers.py --peers "$$PEERS" $(if $(MODELS),--models $(MODELS)) $(BENCH)

bench-server-peers: export PEERS := $(or $(PEERS),build/peers)
bench-server-peers: build ## the server beside llama-server: make bench-server-peers [PEERS=DIR] [MODELS=DIR] [BENCH="--cases 'crowd/*'"]
	@test -x "$$PEERS/bin/llama-server" || scripts/build_peers.sh "$$PEERS"
	scripts/bench_server_peers.py --peers "$$PEERS" $(if $(MODELS),--models $(MODELS)) $(BENCH)

bench-server-costs: build ## what serving costs, what a schema costs, the batch lever: make bench-server-costs [MODELS=DIR] [BENCH="--cases 'mask/*'"]
	scripts/bench_server_costs.py $(if $(MODELS),--models $(MODELS)) $(if $(PEERS),--peers $(PEERS)) $(BENCH)

soak: ## ten minutes of clients that crowd, vanish and must be told the right thing
	cmake --preset release -DVIVACE_TESTS=ON $(RELEASE_FLAGS)
	$(call BUILD,build/release) --target tests_serve
	VIVACE_SOAK_SECONDS=600 build/release/tests_serve --gtest_filter='Crowd.*'

bench-prediction: build ## what plan predicts beside what bench measures: make bench-prediction [MODELS=DIR]
	scripts/bench_prediction.py $(if $(MODELS),--models $(MODELS))

bench-tune: build ## what tune finds beside the best of a grid: make bench-tune [MODELS=DIR]
	scripts/bench_tune.py $(if $(MODELS),--models $(MODELS))

bench-ledger: build ## the plan's memory against RssAnon: make bench-ledger [MODELS="SMALL MODEL..."]
	scripts/bench_ledger.py $(or $(MODELS),smollm2-135m-instruct gemma3-270m-it-q4_k_m)

sweep-memory: build ## loads under ever larger memory limits (root): make sweep-memory [MODEL=NAME]
	scripts/sweep_memory.py $(or $(MODEL),smollm2-135m-instruct)

bench-tokenizers: build ## beside llama-tokenize: make bench-tokenizers PEERS=DIR
	scripts/bench_tokenizers.py

fuzz-tokenizers: build ## random texts beside llama-tokenize: make fuzz-tokenizers PEERS=DIR [COUNT=100000] [SEED=1]
	scripts/fuzz_tokenizers.py --count $(or $(COUNT),100000) --seed $(or $(SEED),1)
bench-tokenizers fuzz-tokenizers: export PEERS := $(PEERS)

format: ## clang-format over all C++ files
	scripts/check_format.sh --fix

lint: checks ## the checks, and clang-tidy over all but tests
	scripts/setup.sh --tests --clang --no-models
	cmake --preset release -B build/lint -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14 -DVIVACE_TESTS=ON \
	  -DVIVACE_PRECOMPILE=OFF $(RELEASE_FLAGS)
	run-clang-tidy-14 -quiet -j $(JOBS) -p build/lint 'src/.*(?<!_test)\.cpp$$'

fuzz: ## every fuzzer for FUZZ_SECONDS
	scripts/setup.sh --clang --no-models
	cmake --preset fuzz $(CMAKE_FLAGS)
	$(call BUILD,build/fuzz) --target $(FUZZERS)
	set -e; for fuzzer in $(FUZZERS); do mkdir -p build/fuzz/corpus/$$fuzzer; \
	  build/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -timeout=10 \
	    -artifact_prefix=build/fuzz/ build/fuzz/corpus/$$fuzzer; done

install: build ## installs below PREFIX (DESTDIR counts)
	cmake --install build/release --prefix $(PREFIX) --strip

package: build ## a .tar.gz and a .deb in build/package
	cpack --config build/release/CPackConfig.cmake -B build/package

clean: ## removes build/
	rm -rf build
