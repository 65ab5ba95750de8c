SHELL := /bin/bash

# go test: a package that hangs is a failure, not a wait. Packages run side by
# side, as many as there are processors.
TESTFLAGS  ?= -race -timeout=15m
BENCHFLAGS ?= -benchtime=1x -count=3 -timeout=60m
FUZZTIME   ?= 5m

LINT_VERSION := v2.15.0
LINT         := bin/golangci-lint-$(LINT_VERSION)

.DEFAULT_GOAL := help
.PHONY: help demo dev build ready ready-test test test-long check vet lint fmt bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ready build ## the whole product on an embedded default: sample commands, each to its final status
	@exec bin/worker demo

dev: ready build ## the same stack, staying up, with the dashboard; data in .gangway/
	@exec bin/worker dev

build: ## the programs, into bin/
	@go build -o bin/ ./cmd/...

ready: # what this machine lacks for the targets above and below
	@scripts/ready

ready-test: # and for the tests
	@scripts/ready test

test: ready-test ## the test suite, with the race detector
	go test $(TESTFLAGS) ./...

test-long: ready-test ## the large forms of the tests, then long fuzzing
	TEST_LONG=1 go test -race -timeout=3h -count=1 ./...
	FUZZTIME=$(FUZZTIME) scripts/fuzz

check: ready-test vet lint test ## format, vet, lint, the rules of the house, race tests

vet:
	go vet ./...

lint: $(LINT) ## golangci-lint, formatting included
	$(LINT) run ./...

# Built from source, once, because nothing else here is needed as a binary.
$(LINT):
	@mkdir -p bin/tmp-lint
	GOBIN=$(CURDIR)/bin/tmp-lint go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	@mv bin/tmp-lint/golangci-lint $(LINT) && rmdir bin/tmp-lint

fmt: ## format the sources
	gofmt -w $$(git ls-files '*.go')

bench: ready ## the benchmarks, beside what this machine can do at most
	set -o pipefail; TEST_LONG=1 go test -run='^$$' -bench=. $(BENCHFLAGS) ./internal/bench | tee /dev/stderr | go run ./internal/bench/report

clean: ## remove what was built; the data of make dev stay
	rm -rf bin
