# thaw's build and tests. `make help` lists the targets.

GO ?= go
GUEST := guest/build

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: guest ## build bin/thaw and the lab guest
	$(GO) build -o bin/thaw ./cmd/thaw

guest: ## build the lab guest
	@scripts/need g++=g++
	@$(MAKE) -s -C guest --no-print-directory OUT=$(notdir $(GUEST)) all hw plant

PREFIX ?= /usr/local

install: guest ## install program, manual pages, completions and lab guest under PREFIX=/usr/local
	@GO=$(GO) scripts/stage '$(DESTDIR)$(PREFIX)'

dist: guest ## tarballs and Debian packages for amd64 and arm64, in dist/
	@GO=$(GO) scripts/dist dist

deps: ## install what the tests need
	@scripts/need qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils g++=g++ clang++=clang arm-linux-gnueabi-g++=g++-arm-linux-gnueabi aarch64-linux-gnu-g++=g++-aarch64-linux-gnu gdb=gdb gdb-multiarch=gdb-multiarch lldb=lldb dwz=dwz tmux=tmux

# Live tests wait for their guests much of the time: of a package three run at once.
test: deps build vet lint vuln ## run all tests: unit, golden screens, live ones on the lab guest, the terminal, the seeds of all fuzz targets
	$(GO) test -parallel 3 -timeout 15m ./...

race: deps build ## run all tests under the race detector
	$(GO) test -race -timeout 60m ./...

vet: ## go vet and formatting
	$(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }

lint: ## staticcheck, at the version that go.mod pins
	$(GO) tool staticcheck ./...

vuln: ## govulncheck, at the version that go.mod pins; says so where its database cannot be reached
	@GO=$(GO) scripts/vuln

# How long each fuzz target runs, how often thaw is killed, how long it is
# soaked, how often the course of the guest is measured.
FUZZTIME ?= 30s
KILLS ?= 100
SOAK ?= 1h
RUNS ?= 50

fuzz: deps ## run every fuzz target, each for FUZZTIME=30s
	@GO=$(GO) scripts/fuzz $(FUZZTIME)

kill: deps ## kill thaw at KILLS=100 random moments, and by a signal at as many of a check's packets
	THAW_KILLS=$(KILLS) THAW_SIGNALS=$(KILLS) $(GO) test -count=1 -timeout 0 -run 'TestKilledAtAnyMoment|TestSignalAtPacket' ./cmd/thaw

compilers: deps ## the verdicts on all bugs are the same whatever compiled the lab guest: g++, clang, and their optimisations
	THAW_BUGS=all $(GO) test -count=1 -v -timeout 0 -run TestCompilers ./cmd/thaw

undisturbed: deps ## the lab guest goes on as if nobody had looked, by RUNS=50 runs of each way to look at each bug
	THAW_RUNS=$(RUNS) $(GO) test -count=1 -v -timeout 0 -run TestUndisturbed ./cmd/thaw

origins: deps ## each way to spoil a pointer is named with its writer and its origin, in RUNS=50 recorded runs of all of them
	THAW_RUNS=$(RUNS) $(GO) test -count=1 -v -timeout 0 -run TestOrigins ./session/live

soak: deps ## continue and interrupt the lab guest for SOAK=1h: heap, goroutines and files stay
	THAW_SOAK=$(SOAK) $(GO) test -count=1 -v -timeout 0 -run TestSoak ./session/live

# Files for the time that loading debug info takes, with : between them: a kernel,
# the restorer, and other components; by default the lab guest's.
DEBUGINFO_BENCH ?= $(CURDIR)/$(GUEST)/fiasco.image:$(CURDIR)/$(GUEST)/rtcr:$(CURDIR)/$(GUEST)/core:$(CURDIR)/$(GUEST)/sheep_counter

bench: deps build ## refresh, single steps and foreign breakpoint hits against gdb, as ratios; keys, idling, loading
	$(GO) test -run '^$$' -bench . -timeout 1h ./session/live
	$(GO) test -run '^$$' -bench . -benchtime 300x ./ui
	$(GO) test -run '^$$' -bench . -benchtime 3x ./cmd/thaw
	DEBUGINFO_BENCH=$(DEBUGINFO_BENCH) $(GO) test -run '^$$' -bench Load -benchtime 10x ./debuginfo

golden: ## write golden screens, reports and references anew
	$(GO) test ./ui ./report -update
	$(GO) test ./cmd/thaw -run TestReference -update

casts: ## film exercises of the hand-out anew, at both sizes
	$(GO) test ./cmd/thaw -run TestCasts -update

recordings: build ## record the lab guest's bugs that come with thaw anew
	@scripts/recordings

clean: ## remove what was built
	rm -rf bin $(GUEST)

.PHONY: help build guest install dist deps test race vet lint vuln fuzz kill undisturbed compilers origins soak bench golden casts recordings clean
