// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"context"
	"database/sql/driver"
	"errors"
)

// conn is a connection with spans. It has the optional interfaces that may be
// there without changing what database/sql does; where the driver lacks one, it
// does what database/sql does without. ExecerContext and QueryerContext are not
// among them: where they are there, database/sql converts arguments before the
// statement is known.
type conn struct {
	driver.Conn
	t *tracing
}

var (
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
)

func wrapConn(inner driver.Conn, t *tracing) driver.Conn {
	c := &conn{inner, t}
	exec, query := execOf(inner), queryOf(inner)
	switch {
	case exec != nil && query != nil:
		return &struct {
			*conn
			execer
			queryer
		}{c, execer{c, exec}, queryer{c, query}}
	case exec != nil:
		return &struct {
			*conn
			execer
		}{c, execer{c, exec}}
	case query != nil:
		return &struct {
			*conn
			queryer
		}{c, queryer{c, query}}
	}
	return c
}

// Unwrap is the driver's connection.
func (c *conn) Unwrap() driver.Conn { return c.Conn }

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	call := c.t.begin(ctx, Prepare)
	defer call.unlessOver("PREPARE", query)
	s, err := c.prepare(ctx, query)
	call.end("PREPARE", query, err)
	if err != nil {
		return nil, err
	}
	return c.wrapStmt(s, query), nil
}

func (c *conn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if p, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	s, err := c.Conn.Prepare(query)
	if err == nil && ctx.Err() != nil {
		_ = s.Close()
		return nil, ctx.Err()
	}
	return s, err
}

func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	call := c.t.begin(ctx, Begin)
	defer call.unlessOver("BEGIN", "")
	inner, err := c.begin(ctx, o)
	call.end("BEGIN", "", err)
	if err != nil {
		return nil, err
	}
	return &tx{inner, ctx, c.t}, nil
}

// The errors of database/sql where a driver has no BeginTx.
var (
	errIsolation = errors.New("sql: driver does not support non-default isolation level")
	errReadOnly  = errors.New("sql: driver does not support read-only transactions")
)

func (c *conn) begin(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.Conn.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, o)
	}
	switch {
	case o.Isolation != 0:
		return nil, errIsolation
	case o.ReadOnly:
		return nil, errReadOnly
	}
	inner, err := c.Conn.Begin() //nolint:staticcheck // all that the driver has
	if err == nil && ctx.Err() != nil {
		_ = inner.Rollback()
		return nil, ctx.Err()
	}
	return inner, err
}

func (c *conn) Ping(ctx context.Context) error {
	p, ok := c.Conn.(driver.Pinger)
	if !ok {
		return nil
	}
	call := c.t.begin(ctx, Ping)
	defer call.unlessOver("PING", "")
	err := p.Ping(ctx)
	call.end("PING", "", err)
	return err
}

func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

// CheckNamedValue says ErrSkip where the driver does not check: then
// database/sql does.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := c.Conn.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type (
	execFunc  func(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error)
	queryFunc func(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error)
)

type execer struct {
	on   *conn
	exec execFunc
}

type queryer struct {
	on    *conn
	query queryFunc
}

func (e execer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	call := e.on.t.begin(ctx, Exec)
	defer call.unlessOver(nameExec, query)
	r, err := e.exec(ctx, query, args)
	if call.on() {
		call.end(verbOf(query, nameExec), query, err)
	}
	return r, err
}

func (q queryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	call := q.on.t.begin(ctx, Query)
	defer call.unlessOver(nameQuery, query)
	r, err := q.query(ctx, query, args)
	return call.endQuery(query, r, err)
}

// execOf is how a connection executes by itself; nil if it does not.
func execOf(c driver.Conn) execFunc {
	if e, ok := c.(driver.ExecerContext); ok {
		return e.ExecContext
	}
	e, ok := c.(driver.Execer) //nolint:staticcheck // drivers have it still
	if !ok {
		return nil
	}
	return func(ctx context.Context, query string, named []driver.NamedValue) (driver.Result, error) {
		args, err := valuesOf(ctx, named)
		if err != nil {
			return nil, err
		}
		return e.Exec(query, args)
	}
}

func queryOf(c driver.Conn) queryFunc {
	if q, ok := c.(driver.QueryerContext); ok {
		return q.QueryContext
	}
	q, ok := c.(driver.Queryer) //nolint:staticcheck // drivers have it still
	if !ok {
		return nil
	}
	return func(ctx context.Context, query string, named []driver.NamedValue) (driver.Rows, error) {
		args, err := valuesOf(ctx, named)
		if err != nil {
			return nil, err
		}
		return q.Query(query, args)
	}
}

var errNamed = errors.New("sql: driver does not support the use of Named Parameters")

// valuesOf is what database/sql does for the interfaces without a context.
func valuesOf(ctx context.Context, named []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(named))
	for i := range named {
		if named[i].Name != "" {
			return nil, errNamed
		}
		values[i] = named[i].Value
	}
	return values, ctx.Err()
}
