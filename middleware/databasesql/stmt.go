// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"context"
	"database/sql/driver"
)

// stmt is a prepared statement with spans.
type stmt struct {
	driver.Stmt
	conn  *conn
	query string
}

var (
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

// wrapStmt leaves ColumnConverter away where the driver has none: by a mere
// look at it database/sql does not convert arguments itself.
func (c *conn) wrapStmt(inner driver.Stmt, query string) driver.Stmt {
	s := &stmt{inner, c, query}
	if cc, ok := inner.(driver.ColumnConverter); ok { //nolint:staticcheck // drivers have it still
		return &struct {
			*stmt
			columns
		}{s, columns{cc}}
	}
	return s
}

type columns struct {
	of driver.ColumnConverter //nolint:staticcheck // drivers have it still
}

func (c columns) ColumnConverter(i int) driver.ValueConverter { return c.of.ColumnConverter(i) }

func (s *stmt) ExecContext(ctx context.Context, named []driver.NamedValue) (driver.Result, error) {
	call := s.conn.t.begin(ctx, Exec)
	defer call.unlessOver(nameExec, s.query)
	r, err := s.exec(ctx, named)
	if call.on() {
		call.end(verbOf(s.query, nameExec), s.query, err)
	}
	return r, err
}

func (s *stmt) exec(ctx context.Context, named []driver.NamedValue) (driver.Result, error) {
	if e, ok := s.Stmt.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, named)
	}
	args, err := valuesOf(ctx, named)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Exec(args) //nolint:staticcheck // all that the driver has
}

func (s *stmt) QueryContext(ctx context.Context, named []driver.NamedValue) (driver.Rows, error) {
	call := s.conn.t.begin(ctx, Query)
	defer call.unlessOver(nameQuery, s.query)
	r, err := s.rows(ctx, named)
	return call.endQuery(s.query, r, err)
}

func (s *stmt) rows(ctx context.Context, named []driver.NamedValue) (driver.Rows, error) {
	if q, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, named)
	}
	args, err := valuesOf(ctx, named)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Query(args) //nolint:staticcheck // all that the driver has
}

// CheckNamedValue asks the statement, else the connection, as database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if n, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return n.CheckNamedValue(v)
	}
	return s.conn.CheckNamedValue(v)
}

// tx is a transaction. Its end belongs to the span that it began in.
type tx struct {
	driver.Tx
	ctx context.Context
	t   *tracing
}

func (t *tx) Commit() error {
	call := t.t.begin(t.ctx, Commit)
	defer call.unlessOver("COMMIT", "")
	err := t.Tx.Commit()
	call.end("COMMIT", "", err)
	return err
}

func (t *tx) Rollback() error {
	call := t.t.begin(t.ctx, Rollback)
	defer call.unlessOver("ROLLBACK", "")
	err := t.Tx.Rollback()
	call.end("ROLLBACK", "", err)
	return err
}
