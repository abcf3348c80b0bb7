// SPDX-License-Identifier: Apache-2.0

package databasesql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"

	"github.com/opentracing/opentracing-go"
	"modernc.org/sqlite"

	"github.com/spanbridge/spanbridge/middleware/databasesql"
	"github.com/spanbridge/spanbridge/tracer"
)

// A database whose calls are spans of whoever makes them.
func Example() {
	t := tracer.New("shop")
	defer t.Close()
	db, err := databasesql.Open(t, "sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	span := t.StartSpan("checkout")
	defer span.Finish()
	ctx := opentracing.ContextWithSpan(context.Background(), span)
	var n int
	err = db.QueryRowContext(ctx, "select 1 + ?", 1).Scan(&n)
	fmt.Println(n, err)
	// Output: 2 <nil>
}

func ExampleOpen() {
	db, err := databasesql.Open(tracer.New("shop"), "sqlite", "file:shop.db?mode=memory")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	fmt.Printf("%T\n", db.Driver())
	// Output: *sqlite.Driver
}

func ExampleWrapDriver() {
	// For libraries that open databases by the name of a driver.
	sql.Register("traced-sqlite", databasesql.WrapDriver(tracer.New("shop"), &sqlite.Driver{}))
	db, err := sql.Open("traced-sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	fmt.Println(db.Ping())
	// Output: <nil>
}

func ExampleWrapConnector() {
	var c driver.Connector = connector{&fake{}} // such as mysql.NewConnector gives
	db := sql.OpenDB(databasesql.WrapConnector(tracer.New("shop"), c,
		databasesql.Type("mysql"), databasesql.Address("db:3306"), databasesql.Instance("shop")))
	defer db.Close()
	fmt.Println(db.Ping())
	// Output: <nil>
}

func ExampleOption() {
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", databasesql.Rows(), databasesql.Statement(nil))
}

func ExampleTrace() {
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", databasesql.Trace(databasesql.All))
}

func ExampleCalls() {
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", databasesql.Trace(databasesql.Query|databasesql.Exec))
}

func ExampleRoots() {
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", databasesql.Roots())
}

func ExampleRows() {
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", databasesql.Rows())
}

func ExampleStatement() {
	text := regexp.MustCompile(`'[^']*'`)
	masked := databasesql.Statement(func(s string) string { return text.ReplaceAllString(s, "?") })
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", masked)
}

func ExampleCutStatement() {
	fmt.Println(databasesql.CutStatement(8)("select * from orders"))
	_, _ = databasesql.Open(tracer.New("shop"), "sqlite", ":memory:", databasesql.Statement(databasesql.CutStatement(200)))
	// Output: select *
}

func ExampleType() {
	databasesql.WrapConnector(tracer.New("shop"), connector{&fake{}}, databasesql.Type("mysql"))
}

func ExampleInstance() {
	databasesql.WrapConnector(tracer.New("shop"), connector{&fake{}}, databasesql.Instance("shop"))
}

func ExampleUser() {
	databasesql.WrapConnector(tracer.New("shop"), connector{&fake{}}, databasesql.User("shop"))
}

func ExampleAddress() {
	databasesql.WrapConnector(tracer.New("shop"), connector{&fake{}}, databasesql.Address("db:3306"))
}

func ExampleComponent() {
	databasesql.WrapConnector(tracer.New("shop"), connector{&fake{}}, databasesql.Component("mysql-connector"))
}

func ExampleStartOptions() {
	databasesql.WrapConnector(tracer.New("shop"), connector{&fake{}}, databasesql.StartOptions(opentracing.Tag{Key: "zone", Value: "eu-1"}))
}
