// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"unicode/utf8"

	"github.com/opentracing/opentracing-go"
)

// Calls are calls of a driver.
type Calls uint16

// The calls that can be traced.
const (
	Query Calls = 1 << iota
	Exec
	Begin
	Commit
	Rollback
	Prepare
	Ping
	Connect
)

// Usual are the calls that are traced without the option Trace, All all there
// are.
const (
	Usual = Query | Exec | Begin | Commit | Rollback
	All   = Usual | Prepare | Ping | Connect
)

// DefaultMaxStatement is how many bytes of a statement are kept.
const DefaultMaxStatement = 2048

// Option is a setting of Open, WrapDriver or WrapConnector.
type Option func(*options)

type options struct {
	source
	calls     Calls
	roots     bool
	rows      bool
	component string
	statement func(string) string
	startWith []opentracing.StartSpanOption
}

// newOptions are those given, and for what they leave open what is known of the
// source.
func newOptions(known source, list []Option) *options {
	o := &options{calls: Usual, component: "database/sql", statement: CutStatement(DefaultMaxStatement)}
	for _, set := range list {
		set(o)
	}
	o.source = o.or(known)
	if o.address == "" {
		o.address = o.system
	}
	return o
}

// Trace sets which calls become spans.
func Trace(calls Calls) Option { return func(o *options) { o.calls = calls } }

// Roots traces calls without a span in their context as well: each begins a
// trace.
func Roots() Option { return func(o *options) { o.roots = true } }

// Rows makes the span of a query last until its rows are closed, and counts
// them.
func Rows() Option { return func(o *options) { o.rows = true } }

// Statement makes the tag db.statement of a statement, by default the first
// DefaultMaxStatement bytes. To mask what is in it, give a function; nil leaves
// statements out.
func Statement(f func(string) string) Option { return func(o *options) { o.statement = f } }

// CutStatement keeps the first bytes of statements, for the option Statement.
func CutStatement(bytes int) func(string) string {
	bytes = max(bytes, 0)
	return func(s string) string {
		if len(s) <= bytes {
			return s
		}
		n := bytes
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		return s[:n]
	}
}

// Type sets the tag db.type: mysql, postgresql. By it SkyWalking knows what it
// is.
func Type(system string) Option { return func(o *options) { o.system = system } }

// Instance sets the tag db.instance, the name of the database.
func Instance(name string) Option { return func(o *options) { o.instance = name } }

// User sets the tag db.user.
func User(name string) Option { return func(o *options) { o.user = name } }

// Address sets host and port of the database.
func Address(address string) Option { return func(o *options) { o.address = address } }

// Component sets the tag component, by default database/sql.
func Component(name string) Option { return func(o *options) { o.component = name } }

// StartOptions go to StartSpan for each span, such as tags.
func StartOptions(list ...opentracing.StartSpanOption) Option {
	return func(o *options) { o.startWith = append(o.startWith, list...) }
}
