// SPDX-License-Identifier: Apache-2.0

package middleware_test

import (
	"errors"
	"fmt"

	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware"
	"github.com/spanbridge/spanbridge/tracer"
)

// A middleware for a library that has none here: a cache.
func Example() {
	var given opentracing.Tracer = tracer.New("shop")
	get := func(key string) (err error) {
		t, on := middleware.Active(given)
		if !on {
			return errors.New("not cached")
		}
		span := t.StartSpan("GET", opentracing.Tag{Key: "span.kind", Value: "client"})
		defer span.Finish()
		if middleware.IsSampled(span) {
			span.SetTag("db.type", "redis")
			span.SetTag("db.statement", "GET "+key)
			middleware.SetPeer(span, "cache:6379")
		}
		defer func() {
			if v := recover(); v != nil {
				middleware.FailPanic(span, v)
				panic(v)
			}
		}()
		if err = errors.New("not cached"); err != nil {
			middleware.Fail(span, err)
		}
		return err
	}
	fmt.Println(get("user:7"))
	// Output: not cached
}

func ExampleActive() {
	_, on := middleware.Active(opentracing.NoopTracer{})
	fmt.Println(on)
	// Output: false
}

func ExampleIsSampled() {
	span := tracer.New("shop").StartSpan("checkout")
	defer span.Finish()
	fmt.Println(middleware.IsSampled(span), middleware.IsSampled(opentracing.NoopTracer{}.StartSpan("checkout")))
	// Output: true false
}

func ExampleFail() {
	span := tracer.New("shop").StartSpan("checkout")
	defer span.Finish()
	middleware.Fail(span, errors.New("card refused"))
}

func ExampleFailPanic() {
	span := tracer.New("shop").StartSpan("checkout")
	defer span.Finish()
	defer func() {
		if v := recover(); v != nil {
			middleware.FailPanic(span, v)
			fmt.Println("recovered:", v) // a middleware panics again here
		}
	}()
	panic("no stock")
	// Output: recovered: no stock
}

func ExampleSetPeer() {
	span := tracer.New("shop").StartSpan("GET", opentracing.Tag{Key: "span.kind", Value: "client"})
	defer span.Finish()
	middleware.SetPeer(span, "stock:8080")
}
