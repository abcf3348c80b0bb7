// SPDX-License-Identifier: Apache-2.0

// Command bench measures gateways side by side: bridge of this tree, the
// OpenTelemetry Collector, and pass-throughs that only copy, which nobody who
// understands what he sends can beat. Each run starts a gateway on one processor,
// and a backend and a generator of traffic on another one, all of them processes of
// their own on loopback; what counts is the processor time of the gateway for a
// million spans that came out, from the first request until nothing is left in it.
//
//	go run . -pair zipkin-zipkin -rounds 5
//	go run . -only 'bridge|pass' -markdown
//	go run . -sweep spans,targets
//	go run . -table -markdown        # the tables once more, from results.jsonl
//
// Candidates take turns in every round, so that a noisy neighbour hits them alike;
// ratios are of runs of the same round.
package main
