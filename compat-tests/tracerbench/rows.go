// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spanbridge/spanbridge/propagation"
)

// Names of the libraries.
const (
	nameOurs      = "spanbridge tracer"
	nameJaeger    = "jaeger-client-go"
	nameZipkin    = "zipkin-go"
	nameZipkinOT  = "zipkin-go-opentracing"
	nameGo2sky    = "go2sky"
	operationName = "GET /orders/{id}"
	serviceName   = "shop"
)

// allRows are what is compared. Rows that write or read headers are by format,
// since each library speaks its own; ours speaks all of them.
func allRows() []row {
	ours, jaeger, zipkinOT := newOurs(), newJaeger(), newZipkinOT()
	return []row{
		{"start, finish", []entry{
			{nameOurs, ours.span},
			{nameJaeger, jaeger.span},
			{nameZipkin, zipkinSpan},
			{nameZipkinOT, zipkinOT.span},
			{nameGo2sky, go2skySpan},
		}},
		{"start, 4 tags, 1 log, finish", []entry{
			{nameOurs, ours.tagged},
			{nameJaeger, jaeger.tagged},
			{nameZipkin, zipkinTagged},
			{nameZipkinOT, zipkinOT.tagged},
			{nameGo2sky, go2skyTagged},
		}},
		{"the same on all processors", []entry{
			{nameOurs, ours.taggedParallel},
			{nameJaeger, jaeger.taggedParallel},
			{nameZipkin, zipkinTaggedParallel},
			{nameZipkinOT, zipkinOT.taggedParallel},
		}},
		{"child: start, finish", []entry{
			{nameOurs, ours.child},
			{nameJaeger, jaeger.child},
			{nameZipkin, zipkinChild},
			{nameZipkinOT, zipkinOT.child},
			{nameGo2sky, go2skyChild},
		}},
		{"not sampled: start, finish", []entry{
			{nameOurs, newOursDenied().span},
			{nameJaeger, newJaegerDenied().span},
			{nameZipkin, zipkinDenied},
			{nameZipkinOT, newZipkinOTDenied().span},
			{nameGo2sky, go2skyDenied},
		}},
		{"not sampled: with 4 tags, 1 log", []entry{
			{nameOurs, newOursDenied().tagged},
			{nameJaeger, newJaegerDenied().tagged},
			{nameZipkinOT, newZipkinOTDenied().tagged},
		}},
		{"not sampled: server, child, inject", []entry{
			{nameOurs, newOursDenied(propagation.Uber).request},
			{nameJaeger, newJaegerDenied().request},
			{nameZipkinOT, newZipkinOTDenied().request},
		}},
		{"sampled: server, child, inject", []entry{
			{nameOurs, newOurs(propagation.Uber).request},
			{nameJaeger, jaeger.request},
			{nameZipkinOT, zipkinOT.request},
		}},
		{"inject uber-trace-id", []entry{
			{nameOurs, newOurs(propagation.Uber).inject},
			{nameJaeger, jaeger.inject},
		}},
		{"inject X-B3-*", []entry{
			{nameOurs, newOurs(propagation.B3Multi).inject},
			{nameZipkin, zipkinInject},
			{nameZipkinOT, zipkinOT.inject},
			{nameJaeger, newJaegerB3().inject},
		}},
		{"inject sw8", []entry{
			{nameOurs, newOurs(propagation.SW8).inject},
			{nameGo2sky, go2skyInject},
		}},
		{"child, inject uber-trace-id, finish", []entry{
			{nameOurs, newOurs(propagation.Uber).call},
			{nameJaeger, jaeger.call},
		}},
		{"child, inject X-B3-*, finish", []entry{
			{nameOurs, newOurs(propagation.B3Multi).call},
			{nameZipkin, zipkinCall},
			{nameZipkinOT, zipkinOT.call},
		}},
		{"child, inject sw8, finish", []entry{
			{nameOurs, newOurs(propagation.SW8).call},
			{nameGo2sky, go2skyCall},
		}},
		{"extract uber-trace-id", []entry{
			{nameOurs, ours.extract(uberHeaders)},
			{nameJaeger, jaeger.extract(uberHeaders)},
		}},
		{"extract X-B3-*", []entry{
			{nameOurs, ours.extract(b3Headers)},
			{nameZipkin, zipkinExtract},
			{nameZipkinOT, zipkinOT.extract(b3Headers)},
			{nameJaeger, newJaegerB3().extract(b3Headers)},
		}},
		{"extract sw8", []entry{
			{nameOurs, ours.extract(sw8Headers)},
			{nameGo2sky, go2skyExtract},
		}},
	}
}
