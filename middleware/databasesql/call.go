// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/ext"

	"github.com/spanbridge/spanbridge/middleware"
)

// tracing is what the parts of a driver share.
type tracing struct {
	*options
	tracer opentracing.Tracer
}

// Names of calls whose statement has no verb that is known.
const (
	nameExec  = "EXEC"
	nameQuery = "QUERY"
)

// kindClient is made once: an option for each call would be an allocation.
var kindClient opentracing.StartSpanOption = ext.SpanKindRPCClient

// call is a call of the driver, which becomes a span when it is over. The zero
// value makes none.
type call struct {
	t      *tracing
	tracer opentracing.Tracer
	parent opentracing.Span
	start  time.Time
	over   bool
}

// begin begins a call, if it is to be traced. A span ends here, so the child of
// one that is not recorded need not be made.
func (t *tracing) begin(ctx context.Context, what Calls) call {
	if t.calls&what == 0 {
		return call{}
	}
	tracer, on := middleware.Active(t.tracer)
	if !on {
		return call{}
	}
	parent := opentracing.SpanFromContext(ctx)
	if parent == nil && !t.roots || parent != nil && !middleware.IsSampled(parent) {
		return call{}
	}
	return call{t: t, tracer: tracer, parent: parent, start: time.Now()}
}

func (c *call) on() bool { return c.t != nil }

// end makes the span. A driver that says ErrSkip has not done anything.
func (c *call) end(operation, statement string, err error, tags ...opentracing.Tag) {
	c.over = true
	if !c.on() || errors.Is(err, driver.ErrSkip) {
		return
	}
	end := time.Now()
	t := c.t
	options := make([]opentracing.StartSpanOption, 0, 3+len(t.startWith))
	options = append(options, kindClient, opentracing.StartTime(c.start))
	if c.parent != nil {
		options = append(options, opentracing.ChildOf(c.parent.Context()))
	}
	s := c.tracer.StartSpan(operation, append(options, t.startWith...)...)
	if middleware.IsSampled(s) {
		t.tag(s, statement)
		for _, tag := range tags {
			s.SetTag(tag.Key, tag.Value)
		}
		if err != nil {
			middleware.Fail(s, err)
		}
	}
	s.FinishWithOptions(opentracing.FinishOptions{FinishTime: end})
}

var errPanicked = errors.New("the driver panicked")

// unlessOver is deferred: it ends a call in which the driver has panicked. Of an
// operation that is named by its statement the name is what verbOf falls back on.
func (c *call) unlessOver(operation, statement string) {
	if !c.on() || c.over {
		return
	}
	if operation == nameExec || operation == nameQuery {
		operation = verbOf(statement, operation)
	}
	c.end(operation, statement, errPanicked)
}

func (t *tracing) tag(s opentracing.Span, statement string) {
	s.SetTag("component", t.component)
	if t.system != "" {
		s.SetTag("db.type", t.system)
	}
	if t.instance != "" {
		s.SetTag("db.instance", t.instance)
	}
	if t.user != "" {
		s.SetTag("db.user", t.user)
	}
	if statement != "" && t.statement != nil {
		if statement = t.statement(statement); statement != "" {
			s.SetTag("db.statement", statement)
		}
	}
	middleware.SetPeer(s, t.address)
}
