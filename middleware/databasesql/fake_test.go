// SPDX-License-Identifier: Apache-2.0

package databasesql_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// fake is a driver that notes what is called. Its connections, statements and
// rows have the optional interfaces that a test gives them.
type fake struct {
	notes    []string
	conn     func(bareConn) driver.Conn
	stmt     func(bareStmt) driver.Stmt
	rows     func(*bareRows) driver.Rows
	skip     bool // ExecContext and the like leave it to others
	bad      int  // calls that find the connection broken
	rowError error
	panics   string // the note at which it does
}

func (f *fake) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.notes = append(f.notes, text)
	if f.panics != "" && strings.HasPrefix(text, f.panics) {
		panic("torn")
	}
}

func (f *fake) Open(dsn string) (driver.Conn, error) {
	f.note("open %s", dsn)
	if dsn == "closed" {
		return nil, errors.New("connection refused")
	}
	c := bareConn{f}
	if f.conn != nil {
		return f.conn(c), nil
	}
	return c, nil
}

func (f *fake) broken() error {
	if f.bad > 0 {
		f.bad--
		return driver.ErrBadConn
	}
	return nil
}

var errFake = errors.New("as asked")

// result is what a call with a query and arguments gives.
func (f *fake) result(what, query string, args any) error {
	f.note("%s %s %v", what, query, args)
	if err := f.broken(); err != nil {
		return err
	}
	if query == "fail" {
		return errFake
	}
	return nil
}

type bareConn struct{ f *fake }

func (c bareConn) Prepare(query string) (driver.Stmt, error) {
	if err := c.f.result("prepare", query, nil); err != nil {
		return nil, err
	}
	return c.f.statement(query), nil
}

func (f *fake) statement(query string) driver.Stmt {
	s := bareStmt{f, query}
	if f.stmt != nil {
		return f.stmt(s)
	}
	return s
}
func (c bareConn) Close() error { c.f.note("close"); return nil }
func (c bareConn) Begin() (driver.Tx, error) {
	c.f.note("begin")
	return bareTx(c), c.f.broken()
}

type bareTx struct{ f *fake }

func (t bareTx) Commit() error   { t.f.note("commit"); return nil }
func (t bareTx) Rollback() error { t.f.note("rollback"); return nil }

type bareStmt struct {
	f     *fake
	query string
}

func (s bareStmt) Close() error { s.f.note("close stmt"); return nil }
func (s bareStmt) NumInput() int {
	switch s.query {
	case "any":
		return -1
	case "two":
		return 2
	}
	return 1
}

func (s bareStmt) Exec(args []driver.Value) (driver.Result, error) {
	return driver.RowsAffected(1), s.f.result("stmt exec", s.query, args)
}

func (s bareStmt) Query(args []driver.Value) (driver.Rows, error) {
	if err := s.f.result("stmt query", s.query, args); err != nil {
		return nil, err
	}
	return s.f.newRows(), nil
}

type bareRows struct {
	f *fake
	n int
}

func (f *fake) newRows() driver.Rows {
	r := &bareRows{f: f}
	if f.rows != nil {
		return f.rows(r)
	}
	return r
}
func (*bareRows) Columns() []string { return []string{"a"} }
func (r *bareRows) Close() error    { r.f.note("close rows"); return nil }
func (r *bareRows) Next(to []driver.Value) error {
	if r.n == 2 {
		if r.f.rowError != nil {
			return r.f.rowError
		}
		return io.EOF
	}
	r.n++
	to[0] = int64(r.n)
	return nil
}

// Optional interfaces of connections, one by one.
type (
	pinger      struct{ f *fake }
	execContext struct{ f *fake }
	exec        struct{ f *fake }
	queryer     struct{ f *fake }
	query       struct{ f *fake }
	preparer    struct{ f *fake }
	beginner    struct{ f *fake }
	resetter    struct{ f *fake }
	validator   struct{ f *fake }
	checker     struct{ f *fake }
)

func (p pinger) Ping(context.Context) error { p.f.note("ping"); return p.f.broken() }

func (e execContext) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if e.f.skip {
		e.f.note("exec skips")
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(2), e.f.result("exec context", query, args)
}

func (e exec) Exec(query string, args []driver.Value) (driver.Result, error) {
	if e.f.skip {
		e.f.note("exec skips")
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(2), e.f.result("exec", query, args)
}

func (q queryer) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if q.f.skip {
		q.f.note("query skips")
		return nil, driver.ErrSkip
	}
	if err := q.f.result("query context", query, args); err != nil {
		return nil, err
	}
	return q.f.newRows(), nil
}

func (q query) Query(query string, args []driver.Value) (driver.Rows, error) {
	if q.f.skip {
		q.f.note("query skips")
		return nil, driver.ErrSkip
	}
	if err := q.f.result("query", query, args); err != nil {
		return nil, err
	}
	return q.f.newRows(), nil
}

func (p preparer) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	if err := p.f.result("prepare context", query, nil); err != nil {
		return nil, err
	}
	return p.f.statement(query), nil
}

func (b beginner) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	b.f.note("begin tx %v", o)
	return bareTx(b), b.f.broken()
}
func (r resetter) ResetSession(context.Context) error { r.f.note("reset"); return r.f.broken() }
func (v validator) IsValid() bool                     { v.f.note("valid?"); return len(v.f.notes)%5 != 0 }

// point is a type that none but a driver's own check takes.
type point struct{ x int64 }

func (c checker) CheckNamedValue(v *driver.NamedValue) error {
	c.f.note("check %v", v.Value)
	switch p := v.Value.(type) {
	case point:
		v.Value = p.x
		return nil
	case bool:
		return driver.ErrRemoveArgument
	}
	return driver.ErrSkip
}

// Optional interfaces of statements.
type (
	stmtExec    struct{ s bareStmt }
	stmtQuery   struct{ s bareStmt }
	stmtChecker struct{ s bareStmt }
	columns     struct{ s bareStmt }
)

func (e stmtExec) ExecContext(_ context.Context, args []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(3), e.s.f.result("stmt exec context", e.s.query, args)
}

func (q stmtQuery) QueryContext(_ context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := q.s.f.result("stmt query context", q.s.query, args); err != nil {
		return nil, err
	}
	return q.s.f.newRows(), nil
}

func (c stmtChecker) CheckNamedValue(v *driver.NamedValue) error {
	c.s.f.note("stmt check %v", v.Value)
	if p, ok := v.Value.(point); ok {
		v.Value = p.x + 100
		return nil
	}
	return driver.ErrSkip
}

func (c columns) ColumnConverter(i int) driver.ValueConverter {
	c.s.f.note("column %d", i)
	return converter{}
}

type converter struct{}

func (converter) ConvertValue(v any) (driver.Value, error) {
	if p, ok := v.(point); ok {
		return p.x + 200, nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

// Optional interfaces of rows.
type (
	nextSet   struct{ r *bareRows }
	scanType  struct{ r *bareRows }
	typeName  struct{ r *bareRows }
	length    struct{ r *bareRows }
	nullable  struct{ r *bareRows }
	precision struct{ r *bareRows }
)

func (n nextSet) HasNextResultSet() bool { return n.r.n == 2 }
func (n nextSet) NextResultSet() error {
	n.r.f.note("next set")
	n.r.n = 1
	return nil
}

func (scanType) ColumnTypeScanType(int) reflect.Type                { return reflect.TypeFor[int32]() }
func (typeName) ColumnTypeDatabaseTypeName(int) string              { return "INT4" }
func (length) ColumnTypeLength(int) (int64, bool)                   { return 4, true }
func (nullable) ColumnTypeNullable(int) (bool, bool)                { return true, true }
func (precision) ColumnTypePrecisionScale(int) (a, b int64, c bool) { return 5, 6, true }
