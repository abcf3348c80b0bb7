// SPDX-License-Identifier: Apache-2.0

package databasesql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/opentracing/opentracing-go"
	"github.com/opentracing/opentracing-go/mocktracer"

	"github.com/spanbridge/spanbridge/middleware/databasesql"
	"github.com/spanbridge/spanbridge/middleware/internal/recorded"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/tracer"
)

func fullConn(c bareConn) driver.Conn {
	return struct {
		bareConn
		pinger
		execContext
		queryer
		preparer
		beginner
	}{c, pinger(c), execContext(c), queryer(c), preparer(c), beginner(c)}
}

// open opens a traced database over a fake, within a span.
func open(t *testing.T, f *fake, options ...databasesql.Option) (*sql.DB, context.Context, *tracer.Tracer, *recorded.Spans, span.ID) {
	t.Helper()
	tr, spans := recorded.NewTracer()
	db := sql.OpenDB(databasesql.WrapConnector(tr, connector{f}, options...))
	t.Cleanup(func() { db.Close() })
	parent := tr.StartSpan("work")
	return db, opentracing.ContextWithSpan(t.Context(), parent), tr, spans, parent.Context().(*tracer.SpanContext).Span
}

func operations(spans *recorded.Spans) string {
	var list []string
	for _, s := range spans.Records() {
		list = append(list, s.Operation)
	}
	return strings.Join(list, " ")
}

func exercise(t *testing.T, ctx context.Context, db *sql.DB) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(db.PingContext(ctx))
	_, err := db.ExecContext(ctx, "insert into a values (?)", 1)
	check(err)
	rows, err := db.QueryContext(ctx, "select * from a where b = ?", 1)
	check(err)
	for rows.Next() {
	}
	check(rows.Close())
	s, err := db.PrepareContext(ctx, "update a set b = ?")
	check(err)
	_, err = s.ExecContext(ctx, 1)
	check(err)
	check(s.Close())
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := db.BeginTx(ctx, nil)
		check(err)
		check(end(tx))
	}
}

func TestSpans(t *testing.T) {
	for _, c := range []struct {
		name    string
		options []databasesql.Option
		want    string
	}{
		{"usual", nil, "INSERT SELECT UPDATE BEGIN COMMIT BEGIN ROLLBACK"},
		{"all", []databasesql.Option{databasesql.Trace(databasesql.All)}, "CONNECT PING INSERT SELECT PREPARE UPDATE BEGIN COMMIT BEGIN ROLLBACK"},
		{"queries", []databasesql.Option{databasesql.Trace(databasesql.Query)}, "SELECT"},
		{"none", []databasesql.Option{databasesql.Trace(0)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, ctx, _, spans, parent := open(t, &fake{conn: fullConn}, c.options...)
			exercise(t, ctx, db)
			if got := operations(spans); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			for _, s := range spans.Records() {
				if s.Parent != parent || s.Kind != span.KindClient || recorded.Tag(s, "component") != "database/sql" || recorded.Tag(s, "error") != "" {
					t.Errorf("%s: parent %v, want %v, tags %v", s.Operation, s.Parent, parent, s.Tags)
				}
			}
			// Without a span in the context there is none for the call.
			before := len(spans.Records())
			exercise(t, t.Context(), db)
			if n := len(spans.Records()) - before; n != 0 {
				t.Errorf("%d spans without a parent", n)
			}
		})
	}
}

func TestRoots(t *testing.T) {
	db, _, _, spans, _ := open(t, &fake{conn: fullConn}, databasesql.Roots())
	exercise(t, t.Context(), db)
	if got := operations(spans); got != "INSERT SELECT UPDATE BEGIN COMMIT BEGIN ROLLBACK" {
		t.Error(got)
	}
	if a, b := spans.Records()[0], spans.Records()[1]; a.Parent != 0 || a.Trace == b.Trace {
		t.Errorf("%v, %v", a, b)
	}
}

func TestTags(t *testing.T) {
	db, ctx, _, spans, _ := open(t, &fake{conn: fullConn}, databasesql.Type("mysql"), databasesql.Instance("shop"), databasesql.User("ann"), databasesql.Address("db:3306"),
		databasesql.Component("orm"), databasesql.StartOptions(opentracing.Tag{Key: "zone", Value: "a"}), databasesql.Statement(databasesql.CutStatement(9)), databasesql.Rows())
	rows, err := db.QueryContext(ctx, "SELECT \u00fcber FROM t")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(spans.Records()); n != 0 {
		t.Errorf("%d spans before the rows were read", n)
	}
	for rows.Next() {
	}
	s := spans.Only(t)
	for key, want := range map[string]string{
		"db.type": "mysql", "db.instance": "shop", "db.user": "ann", "peer.hostname": "db", "peer.address": "db:3306", "component": "orm",
		"zone": "a", "db.statement": "SELECT \u00fc", "db.rows": "2",
	} {
		if got := recorded.Tag(s, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

func TestStatements(t *testing.T) {
	long := "select '" + strings.Repeat("x", 5000) + "'"
	for _, c := range []struct {
		option databasesql.Option
		want   string
	}{
		{databasesql.Trace(databasesql.Usual), long[:databasesql.DefaultMaxStatement]},
		{databasesql.Statement(nil), ""},
		{databasesql.Statement(func(s string) string { return strings.ReplaceAll(s, "x", "")[:8] }), "select '"},
		{databasesql.Statement(databasesql.CutStatement(-1)), ""},
	} {
		db, ctx, _, spans, _ := open(t, &fake{conn: fullConn}, c.option)
		if _, err := db.ExecContext(ctx, long); err != nil {
			t.Fatal(err)
		}
		if s := spans.Only(t); recorded.Tag(s, "db.statement") != c.want || s.Operation != "SELECT" {
			t.Errorf("%q: %q", s.Operation, recorded.Tag(s, "db.statement"))
		}
	}
}

// A call that the driver leaves to others is neither a span nor an error; the
// prepared statement that does it is the span.
func TestErrSkip(t *testing.T) {
	db, ctx, tr, spans, _ := open(t, &fake{conn: fullConn, skip: true})
	if _, err := db.ExecContext(ctx, "insert", 1); err != nil {
		t.Fatal(err)
	}
	if s := spans.Only(t); s.Operation != "INSERT" || recorded.Tag(s, "error") != "" {
		t.Errorf("%s %v", s.Operation, s.Tags)
	}
	if c := tr.Counts(); c.Started != 2 || c.Finished != 1 { // the parent is not finished
		t.Errorf("%+v", c)
	}
}

// Each try on a broken connection is a span, the failed ones too.
func TestErrBadConn(t *testing.T) {
	db, ctx, _, spans, _ := open(t, &fake{conn: fullConn, bad: 2})
	if _, err := db.ExecContext(ctx, "insert", 1); err != nil {
		t.Fatal(err)
	}
	list := spans.Wait(t, 3)
	if recorded.Tag(list[0], "error") != "true" || recorded.Logged(list[0], "error", "message") != driver.ErrBadConn.Error() || recorded.Tag(list[2], "error") != "" {
		t.Errorf("%v", list)
	}
}

func TestErrors(t *testing.T) {
	db, ctx, _, spans, _ := open(t, &fake{conn: fullConn, rowError: errors.New("torn")}, databasesql.Rows())
	if _, err := db.ExecContext(ctx, "fail"); !errors.Is(err, errFake) {
		t.Fatal(err)
	}
	if s := spans.Only(t); recorded.Tag(s, "error") != "true" || recorded.Logged(s, "error", "message") != "as asked" || s.Operation != "EXEC" {
		t.Errorf("%v", s)
	}
	rows, err := db.QueryContext(ctx, "select")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
	}
	if s := spans.Wait(t, 2)[1]; recorded.Tag(s, "error") != "true" || recorded.Logged(s, "error", "message") != "torn" {
		t.Errorf("%v", s)
	}
	// A connection that is not to be had.
	tr, spans := recorded.NewTracer()
	closed := sql.OpenDB(mustConnector(t, databasesql.WrapDriver(tr, &fake{}, databasesql.Trace(databasesql.All)), "closed"))
	defer closed.Close()
	if err := closed.PingContext(opentracing.ContextWithSpan(t.Context(), tr.StartSpan("work"))); err == nil {
		t.Fatal("a closed database answers")
	}
	if s := spans.Only(t); s.Operation != "CONNECT" || recorded.Tag(s, "error") != "true" {
		t.Errorf("%v", s)
	}
}

// A call in which the driver panics is a span that failed, and the panic goes on.
func TestDriverPanics(t *testing.T) {
	for _, c := range []struct{ at, operation string }{
		{"ping", "PING"},
		{"exec context insert", "INSERT"},
		{"query context select", "SELECT"},
		{"prepare", "PREPARE"},
		{"stmt exec", "UPDATE"},
		{"begin", "BEGIN"},
		{"commit", "COMMIT"},
		{"rollback", "ROLLBACK"},
		{"open", "CONNECT"},
	} {
		t.Run(c.at, func(t *testing.T) {
			f := &fake{conn: fullConn, panics: c.at}
			db, ctx, _, spans, parent := open(t, f, databasesql.Trace(databasesql.All), databasesql.Rows())
			func() {
				defer func() {
					if v := recover(); v != "torn" {
						t.Errorf("recovered %v after %q, want the panic of the driver", v, f.notes)
					}
				}()
				exercise(t, ctx, db)
			}()
			list := spans.Records()
			if len(list) == 0 {
				t.Fatal("no span")
			}
			last := list[len(list)-1]
			if last.Operation != c.operation || last.Parent != parent || recorded.Tag(last, "error") != "true" || !strings.Contains(recorded.Logged(last, "error", "message"), "panic") {
				t.Errorf("%s below %v, %v %v", last.Operation, last.Parent, last.Tags, last.Logs)
			}
		})
	}
}

func mustConnector(t *testing.T, d driver.Driver, dsn string) driver.Connector {
	t.Helper()
	c, err := d.(driver.DriverContext).OpenConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func init() { sql.Register("fake-mysql", &fake{conn: fullConn}) }

func TestOpen(t *testing.T) {
	tr, spans := recorded.NewTracer()
	db, err := databasesql.Open(tr, "fake-mysql", "ann:secret@tcp(db:3306)/shop")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(opentracing.ContextWithSpan(t.Context(), tr.StartSpan("work")), "insert"); err != nil {
		t.Fatal(err)
	}
	s := spans.Only(t)
	if recorded.Tag(s, "db.type") != "mysql" || recorded.Tag(s, "db.instance") != "shop" || recorded.Tag(s, "db.user") != "ann" || recorded.Tag(s, "peer.address") != "db:3306" {
		t.Errorf("%v", s.Tags)
	}
	if _, ok := db.Driver().(*fake); !ok {
		t.Errorf("driver %T", db.Driver())
	}
	if _, err := databasesql.Open(tr, "none", ""); err == nil {
		t.Error("a driver that is not registered")
	}
}

// Drivers that are opened without a connector.
func TestWrapDriver(t *testing.T) {
	tr, spans := recorded.NewTracer()
	d := databasesql.WrapDriver(tr, &fake{conn: fullConn}, databasesql.Address("db:1"))
	c, err := d.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.(driver.ExecerContext).ExecContext(opentracing.ContextWithSpan(t.Context(), tr.StartSpan("work")), "insert", nil); err != nil {
		t.Fatal(err)
	}
	if s := spans.Only(t); recorded.Tag(s, "peer.address") != "db:1" {
		t.Errorf("%v", s.Tags)
	}
	if _, err := d.Open("closed"); err == nil {
		t.Error("no error")
	}
}

func TestOtherTracers(t *testing.T) {
	mock := mocktracer.New()
	db := sql.OpenDB(databasesql.WrapConnector(mock, connector{&fake{conn: fullConn}}))
	defer db.Close()
	parent := mock.StartSpan("work").(*mocktracer.MockSpan)
	exercise(t, opentracing.ContextWithSpan(t.Context(), parent), db)
	list := mock.FinishedSpans()
	if len(list) != 7 {
		t.Fatalf("%d spans", len(list))
	}
	for _, s := range list {
		if s.ParentID != parent.SpanContext.SpanID || s.FinishTime.Before(s.StartTime) {
			t.Errorf("%v", s)
		}
	}
	for _, none := range []opentracing.Tracer{nil, opentracing.NoopTracer{}} {
		db := sql.OpenDB(databasesql.WrapConnector(none, connector{&fake{conn: fullConn}}, databasesql.Roots()))
		exercise(t, opentracing.ContextWithSpan(t.Context(), parent), db)
		db.Close()
	}
}

// What is not sampled costs nothing.
func TestAllocations(t *testing.T) {
	run := func(c driver.Conn, ctx context.Context) float64 {
		e := c.(driver.ExecerContext)
		return testing.AllocsPerRun(100, func() { e.ExecContext(ctx, "insert", nil) })
	}
	tr, _ := recorded.NewTracer(recorded.Never)
	ctx := opentracing.ContextWithSpan(t.Context(), tr.StartSpan("work"))
	quiet := func(bareConn) driver.Conn { return silent{} }
	c, err := databasesql.WrapDriver(tr, &fake{conn: quiet}).Open("")
	if err != nil {
		t.Fatal(err)
	}
	for name, ctx := range map[string]context.Context{"not sampled": ctx, "no parent": t.Context()} {
		if n := run(c, ctx); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// silent is a connection that does nothing.
type silent struct{ bareConn }

func (silent) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(0), nil
}
