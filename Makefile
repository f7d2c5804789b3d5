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
	@$(MAKE) -s -C guest --no-print-directory OUT=$(CURDIR)/$(GUEST)

deps: ## install what the tests need
	@scripts/need qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils g++=g++ gdb=gdb tmux=tmux

test: deps build vet lint ## run all tests: unit, golden screens, live ones on the lab guest, the terminal
	$(GO) test ./...

race: deps build ## run all tests under the race detector
	$(GO) test -race ./...

vet: ## go vet and formatting
	$(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }

lint: ## staticcheck, at the version that go.mod pins
	$(GO) tool staticcheck ./...

bench: deps ## refresh of the whole model, against a gdb script, as ratios
	$(GO) test -run '^$$' -bench Refresh ./session/live

golden: ## write the golden screens anew
	$(GO) test ./ui -update

clean: ## remove what was built
	rm -rf bin $(GUEST)

.PHONY: help build guest deps test race vet lint bench golden clean
