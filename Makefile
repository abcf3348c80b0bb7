# Everything works from a clean clone. Needed: Go 1.26 and Python 3 for test; a
# JDK (17), Maven and, for the page's test, Chromium for compat, which are
# installed where apt-get is to be had.

GO       ?= go
T        ?= 60s
LINT      = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# The modules of this repository.
MODULES   = . compat-tests compat-tests/bench compat-tests/bench/otelcol compat-tests/tracerbench compat-tests/browser compat-tests/contrib compat-tests/queuebench examples/gin

.DEFAULT_GOAL := check

## build: the gateway, as bin/bridge
.PHONY: build
build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/bridge ./cmd/bridge

## cross: the gateway and every package for Linux, macOS and Windows, on amd64 and arm64
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
.PHONY: cross
cross:
	@set -e; for p in $(PLATFORMS); do \
		echo "cross $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build ./...; \
	done

## check: what a change needs before it is committed: vet and the unit tests
.PHONY: check
check: vet unit

.PHONY: vet
vet:
	$(GO) vet ./...
	cd compat-tests && $(GO) vet ./... && $(GO) vet -tags heavy ./...
	cd examples/gin && $(GO) vet ./...

## unit: the tests of the main module
.PHONY: unit
unit:
	$(GO) test ./...

## test: all tests but the heavy ones, with real clients in Go and Python against a running gateway
.PHONY: test
test: vet unit
	cd compat-tests && $(GO) test -count=1 -timeout 9m ./...
	cd examples/gin && $(GO) test -count=1 -timeout 2m ./...
	cd compat-tests/tracerbench && $(GO) test -count=1 ./...
	cd compat-tests/bench && $(GO) test -count=1 -timeout 5m ./...

## race: the tests of the main module with the race detector, in a build that ends whoever reads what they released (span/buffer_fence.go); but those of translate/roundtrip, which has no goroutines
.PHONY: race
race:
	$(GO) test -race -tags fence -timeout 20m $$($(GO) list ./... | grep -v /translate/roundtrip)

## compat: Java clients, Zipkin, Jaeger, SkyWalking OAP, the Collector's translators and the page in Chromium; a missing part is a failure
.PHONY: compat
compat:
	compat-tests/setup.sh
	cd compat-tests && $(GO) test -count=1 -tags heavy -timeout 50m ./...
	cd compat-tests/browser && $(GO) test -count=1 -tags heavy -timeout 10m ./...
	cd compat-tests/contrib && $(GO) test -count=1 -tags heavy -timeout 10m ./...

## roundtrip: a million random spans by each way over other protocols and back, and the ids of a million neighbouring segments
.PHONY: roundtrip
roundtrip:
	$(GO) test -count=1 -timeout 90m ./translate/roundtrip -spans 1000000
	$(GO) test -count=1 -timeout 30m ./span -run Neighbouring -neighbours 1000000

## simulate: fleets with known parents through real gateways; prints the shares of right parents
.PHONY: simulate
simulate:
	cd compat-tests && $(GO) test -count=1 -tags heavy -timeout 20m -run 'TestFleetHeavy$$' -v .

## lint: golangci-lint with .golangci.yml
.PHONY: lint
lint:
	$(LINT) run ./...
	cd compat-tests && $(LINT) run --build-tags heavy ./...
	cd compat-tests/tracerbench && $(LINT) run ./...
	cd compat-tests/bench && $(LINT) run ./...
	cd compat-tests/browser && $(LINT) run --build-tags heavy ./...
	cd compat-tests/contrib && $(LINT) run --build-tags heavy ./...
	cd compat-tests/queuebench && $(LINT) run ./...
	cd examples/gin && $(LINT) run ./...

.PHONY: fmt
fmt:
	$(LINT) fmt ./...

## fuzz: each fuzz target for T (60s)
.PHONY: fuzz
fuzz:
	./fuzz.sh $(T)

## bench: the benchmarks, ten times, into bench/new.txt for benchstat
.PHONY: bench
bench:
	mkdir -p bench
	$(GO) test -run '^$$' -bench . -count 10 ./... | tee bench/new.txt

## bench-gateways: bridge beside pass-throughs and the OpenTelemetry Collector, by turns; docs/performance.md; BENCH="-pair zipkin-zipkin -rounds 3 -markdown"
.PHONY: bench-gateways
bench-gateways:
	cd compat-tests/bench && $(GO) run . $(BENCH)

## bench-proxy: processor time of bridge proxy beside a plain reverse proxy, in rounds by turns
.PHONY: bench-proxy
bench-proxy:
	cd compat-tests && $(GO) run ./proxybench

## bench-tracer: our tracer beside jaeger-client-go, zipkin-go and go2sky, by turns; BENCH="-rounds 10 -markdown" for more rounds and a table for docs
.PHONY: bench-tracer
bench-tracer:
	cd compat-tests/tracerbench && $(GO) run . $(BENCH)

## bench-queue: the queue on disk beside raft-wal, Prometheus' wlog and a bare write and fdatasync, in turn
.PHONY: bench-queue
bench-queue:
	cd compat-tests/queuebench && $(GO) run . -rounds 5

## soak: kill and break a gateway under load for T (60s), and account for every span that it acknowledged; docs/soak.md
.PHONY: soak
soak:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/bridge ./cmd/bridge
	bin/bridge soak --duration $(T)

## golden: rewrite the golden files; the diff is the review
.PHONY: golden
golden:
	$(GO) test ./config ./propagation ./propagation/jaegerclient ./propagation/zipkingo ./propagation/otel ./propagation/go2sky ./translate/zipkin ./translate/jaeger ./translate/otlp ./translate/skywalking ./translate/roundtrip ./cmd/bridge -update

## docs: make the generated pages again
.PHONY: docs
docs:
	$(GO) test ./cmd/bridge -run 'TestDocs|TestTongues' -update

## help: this list
.PHONY: help
help:
	@sed -n 's/^## //p' Makefile
