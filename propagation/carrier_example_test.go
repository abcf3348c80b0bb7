// SPDX-License-Identifier: Apache-2.0

package propagation_test

import (
	"fmt"
	"strings"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/span"
)

// frame is a message of a protocol of one's own, with lines of any text.
type frame struct{ lines []string }

// Each makes it a propagation.Reader.
func (f *frame) Each(each func(key, value string)) {
	for _, line := range f.lines {
		key, value, _ := strings.Cut(line, "=")
		each(key, value)
	}
}

// Set makes it a propagation.Writer.
func (f *frame) Set(key, value string) {
	f.Del(key)
	f.lines = append(f.lines, key+"="+value)
}

// Del makes it a propagation.Deleter: what an earlier hop wrote is taken out.
func (f *frame) Del(key string) {
	kept := f.lines[:0]
	for _, line := range f.lines {
		if k, _, _ := strings.Cut(line, "="); !strings.EqualFold(k, key) {
			kept = append(kept, line)
		}
	}
	f.lines = kept
}

// Unescaped says that baggage need not be escaped.
func (f *frame) Unescaped() {}

// A carrier of one's own is passed on with a span of this service.
func ExampleReader() {
	p := propagation.New(propagation.Write(propagation.Uber))
	message := &frame{lines: []string{"topic=orders", "uber-trace-id=48485a3953bb6124:7:0:1", "uberctx-user=Ann Lee"}}
	c := p.Extract(message)
	child := c.Child(span.ID(8))
	p.Inject(&child, propagation.Caller{}, message)
	for _, line := range message.lines {
		fmt.Println(line)
	}
	// Output:
	// topic=orders
	// uber-trace-id=48485a3953bb6124:0000000000000008:0000000000000007:1
	// uberctx-user=Ann Lee
}
