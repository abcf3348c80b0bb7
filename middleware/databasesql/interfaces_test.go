// SPDX-License-Identifier: Apache-2.0

package databasesql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"

	"github.com/spanbridge/spanbridge/middleware/databasesql"
	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
)

// A traced driver has the abilities of the driver below, no more and no less:
// what database/sql gives and what it calls are the same with and without.
func TestOptionalInterfaces(t *testing.T) {
	conns := map[string]func(bareConn) driver.Conn{
		"none": nil,
		"Pinger": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				pinger
			}{c, pinger(c)}
		},
		"ExecerContext": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				execContext
			}{c, execContext(c)}
		},
		"Execer": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				exec
			}{c, exec(c)}
		},
		"QueryerContext": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				queryer
			}{c, queryer(c)}
		},
		"Queryer": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				query
			}{c, query(c)}
		},
		"ConnPrepareContext": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				preparer
			}{c, preparer(c)}
		},
		"ConnBeginTx": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				beginner
			}{c, beginner(c)}
		},
		"SessionResetter": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				resetter
			}{c, resetter(c)}
		},
		"Validator": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				validator
			}{c, validator(c)}
		},
		"NamedValueChecker": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				checker
			}{c, checker(c)}
		},
		"checker and both": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				checker
				execContext
				queryer
			}{c, checker(c), execContext(c), queryer(c)}
		},
		"all": func(c bareConn) driver.Conn {
			return struct {
				bareConn
				pinger
				execContext
				queryer
				preparer
				beginner
				resetter
				validator
				checker
			}{c, pinger(c), execContext(c), queryer(c), preparer(c), beginner(c), resetter(c), validator(c), checker(c)}
		},
	}
	stmts := map[string]func(bareStmt) driver.Stmt{
		"none": nil,
		"StmtExecContext": func(s bareStmt) driver.Stmt {
			return struct {
				bareStmt
				stmtExec
			}{s, stmtExec{s}}
		},
		"StmtQueryContext": func(s bareStmt) driver.Stmt {
			return struct {
				bareStmt
				stmtQuery
			}{s, stmtQuery{s}}
		},
		"NamedValueChecker": func(s bareStmt) driver.Stmt {
			return struct {
				bareStmt
				stmtChecker
			}{s, stmtChecker{s}}
		},
		"ColumnConverter": func(s bareStmt) driver.Stmt {
			return struct {
				bareStmt
				columns
			}{s, columns{s}}
		},
		"all": func(s bareStmt) driver.Stmt {
			return struct {
				bareStmt
				stmtExec
				stmtQuery
				stmtChecker
				columns
			}{s, stmtExec{s}, stmtQuery{s}, stmtChecker{s}, columns{s}}
		},
	}
	rows := map[string]func(*bareRows) driver.Rows{
		"none": nil,
		"RowsNextResultSet": func(r *bareRows) driver.Rows {
			return struct {
				*bareRows
				nextSet
			}{r, nextSet{r}}
		},
		"all": func(r *bareRows) driver.Rows {
			return struct {
				*bareRows
				nextSet
				scanType
				typeName
				length
				nullable
				precision
			}{r, nextSet{r}, scanType{r}, typeName{r}, length{r}, nullable{r}, precision{r}}
		},
	}
	traced := 0
	for cn, conn := range conns {
		for sn, stmt := range stmts {
			for rn, row := range rows {
				for _, skip := range []bool{false, true} {
					name := fmt.Sprintf("conn %s, stmt %s, rows %s, skip %v", cn, sn, rn, skip)
					f := func() *fake { return &fake{conn: conn, stmt: stmt, rows: row, skip: skip} }
					plain, withSpans := f(), f()
					want := session(t.Context(), sql.OpenDB(connector{plain}))
					tr, spans := recorded.NewTracer()
					span := tr.StartSpan("work")
					ctx := opentracing.ContextWithSpan(t.Context(), span)
					got := session(ctx, sql.OpenDB(databasesql.WrapConnector(tr, connector{withSpans}, databasesql.Rows(), databasesql.Trace(databasesql.All))))
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("%s: results (- plain, + traced)\n%s", name, d)
					}
					if d := cmp.Diff(plain.notes, withSpans.notes); d != "" {
						t.Fatalf("%s: calls (- plain, + traced)\n%s", name, d)
					}
					traced += len(spans.Records())
				}
			}
		}
	}
	if traced < 1000 {
		t.Errorf("%d spans of all sessions: something is not traced", traced)
	}
}

// connector opens connections of a fake, and can be closed.
type connector struct{ f *fake }

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.f.Open("") }
func (c connector) Driver() driver.Driver                        { return c.f }
func (c connector) Close() error                                 { c.f.note("close connector"); return nil }

// session uses all that database/sql has, and says what came.
func session(ctx context.Context, db *sql.DB) (got []string) {
	db.SetMaxOpenConns(1)
	say := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	over, cancel := context.WithCancel(ctx)
	cancel()
	read := func(r *sql.Rows, err error) {
		if err != nil {
			say("query: %v", err)
			return
		}
		defer r.Close()
		types, err := r.ColumnTypes()
		for _, c := range types {
			l, lok := c.Length()
			n, nok := c.Nullable()
			p, s, ok := c.DecimalSize()
			say("column %s %v %q %v %v %v %v %v %v %v %v", c.Name(), c.ScanType(), c.DatabaseTypeName(), l, lok, n, nok, p, s, ok, err)
		}
		for range 2 {
			for r.Next() {
				var a any
				say("row %v %v", r.Scan(&a), a)
			}
			if !r.NextResultSet() {
				break
			}
			say("next set")
		}
		say("rows: %v", r.Err())
	}
	executed := func(r sql.Result, err error) {
		if err != nil {
			say("exec: %v", err)
			return
		}
		n, err := r.RowsAffected()
		say("exec: %d %v", n, err)
	}
	say("ping %v", db.PingContext(ctx))
	for _, args := range [][]any{{1}, {"a"}, {nil}, {point{7}}, {true}, {true, 2}, {sql.Named("n", 1)}, {struct{ odd int }{}}, {}, {1, 2}} {
		for _, q := range []string{"one", "any", "two", "fail"} {
			executed(db.ExecContext(ctx, q, args...))
			read(db.QueryContext(ctx, q, args...))
		}
	}
	executed(db.ExecContext(over, "one", 1))
	read(db.QueryContext(over, "one", 1))
	for _, q := range []string{"one", "fail"} {
		s, err := db.PrepareContext(ctx, q)
		if err != nil {
			say("prepare: %v", err)
			continue
		}
		executed(s.ExecContext(ctx, 1))
		executed(s.ExecContext(ctx, point{8}))
		read(s.QueryContext(ctx, 2))
		read(s.QueryContext(ctx, point{9}))
		say("close %v", s.Close())
	}
	for _, o := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
			tx, err := db.BeginTx(ctx, o)
			if err != nil {
				say("begin: %v", err)
				continue
			}
			executed(tx.ExecContext(ctx, "one", 1))
			say("end %v", end(tx))
		}
	}
	if c, err := db.Conn(ctx); err == nil {
		say("raw %v", c.Raw(func(c any) error {
			if u, ok := c.(interface{ Unwrap() driver.Conn }); ok {
				c = u.Unwrap()
			}
			if _, ok := c.(interface{ Close() error }); !ok || strings.Contains(fmt.Sprintf("%T", c), "databasesql.") {
				return errors.New("no way to the connection below")
			}
			return nil
		}))
		say("close %v", c.Close())
	}
	say("driver %T", db.Driver())
	say("close %v", db.Close())
	return got
}
