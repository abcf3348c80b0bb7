// SPDX-License-Identifier: Apache-2.0

package databasesql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opentracing/opentracing-go"
	_ "modernc.org/sqlite"

	"github.com/spanbridge/spanbridge/middleware/databasesql"
	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/tracer"
)

// A real database answers the same with and without spans.
func TestSQLite(t *testing.T) {
	use := func(ctx context.Context, db *sql.DB) (got []string) {
		say := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
		run := func(q string, args ...any) {
			r, err := db.ExecContext(ctx, q, args...)
			if err != nil {
				say("%v", err)
				return
			}
			n, err := r.RowsAffected()
			id, err2 := r.LastInsertId()
			say("%d %d %v %v", n, id, err, err2)
		}
		read := func(q string, args ...any) {
			rows, err := db.QueryContext(ctx, q, args...)
			if err != nil {
				say("%v", err)
				return
			}
			defer rows.Close()
			types, err := rows.ColumnTypes()
			say("%v", err)
			values := make([]any, len(types))
			into := make([]any, len(types))
			for i, c := range types {
				n, ok := c.Nullable()
				say("%s %s %v %v %v", c.Name(), c.DatabaseTypeName(), c.ScanType(), n, ok)
				into[i] = &values[i]
			}
			for {
				for rows.Next() {
					say("%v %v", rows.Scan(into...), values)
				}
				if !rows.NextResultSet() {
					break
				}
			}
			say("%v", rows.Err())
		}
		say("%v", db.PingContext(ctx))
		run("create table orders (id integer primary key, item text not null, price real, at timestamp)")
		run("insert into orders (item, price, at) values (?, ?, ?)", "tea", 1.5, time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC))
		run("insert into orders (item, price) values (:item, :price)", sql.Named("item", "cup"), sql.Named("price", nil))
		run("insert into orders (item) values (?)", nil)
		run("insert into nothing values (1)")
		read("select * from orders where price > ? or price is null", 1)
		read("select broken")
		tx, err := db.BeginTx(ctx, nil)
		say("%v", err)
		s, err := tx.PrepareContext(ctx, "insert into orders (item) values (?)")
		say("%v", err)
		for _, item := range []string{"a", "b"} {
			_, err := s.ExecContext(ctx, item)
			say("%v", err)
		}
		say("%v %v", s.Close(), tx.Rollback())
		read("select count(*) from orders")
		say("%v", db.Close())
		return got
	}
	dir := t.TempDir()
	plain, err := sql.Open("sqlite", filepath.Join(dir, "plain.db"))
	if err != nil {
		t.Fatal(err)
	}
	want := use(t.Context(), plain)
	tr, spans := recorded.NewTracer()
	file := filepath.Join(dir, "traced.db")
	traced, err := databasesql.Open(tr, "sqlite", file+"?_pragma=busy_timeout(5000)", databasesql.Rows())
	if err != nil {
		t.Fatal(err)
	}
	got := use(opentracing.ContextWithSpan(t.Context(), tr.StartSpan("work")), traced)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(- plain, + traced)\n%s", d)
	}
	const operations = "CREATE INSERT INSERT INSERT INSERT SELECT SELECT BEGIN INSERT INSERT ROLLBACK SELECT"
	if o := fmt.Sprint(names(spans.Records())); o != "["+operations+"]" {
		t.Errorf("spans %s, want %s", o, operations)
	}
	failed := ""
	for _, s := range spans.Records() {
		if recorded.Tag(s, "db.type") != "sqlite" || recorded.Tag(s, "db.instance") != file || recorded.Tag(s, "peer.address") != "sqlite" {
			t.Errorf("%v", s.Tags)
		}
		if recorded.Tag(s, "error") == "true" {
			failed += s.Operation + " "
		}
		said := fmt.Sprint(s.Tags)
		for _, l := range s.Logs { // without the time, which has digits of its own
			said += fmt.Sprint(l.Fields)
		}
		for _, secret := range []string{"tea", "1.5"} { // arguments
			if strings.Contains(said, secret) {
				t.Error(said)
			}
		}
	}
	if failed != "INSERT INSERT SELECT " {
		t.Errorf("failed: %s", failed)
	}
	if n := recorded.Tag(spans.Records()[5], "db.rows"); n != "2" {
		t.Errorf("db.rows %q", n)
	}
}

// A query that is cancelled ends its span with the error.
func TestSQLiteCancel(t *testing.T) {
	tr, spans := recorded.NewTracer()
	db, err := databasesql.Open(tr, "sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(opentracing.ContextWithSpan(t.Context(), tr.StartSpan("work")), 20*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(ctx, "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n")
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if s := spans.Only(t); recorded.Tag(s, "error") != "true" || s.Operation != "WITH" {
		t.Errorf("%v", s)
	}
}

func names(list []*tracer.Record) (names []string) {
	for _, s := range list {
		names = append(names, s.Operation)
	}
	return names
}
