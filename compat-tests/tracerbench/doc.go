// SPDX-License-Identifier: Apache-2.0

// Command tracerbench measures this repository's tracer beside jaeger-client-go,
// zipkin-go, zipkin-go-opentracing and go2sky in one run: each round goes
// through every row and every library by turns, so that a noisy neighbour hits
// them alike. It prints the median, the lowest and the highest of the processor
// time and the time of an operation, and its allocations.
//
//	go run . -rounds 8 -time 300ms
//	go run . -row inject -markdown
//
// Finished spans go to a reporter that drops them, each library's own where it
// has one. What a library has no call for is left out.
package main
