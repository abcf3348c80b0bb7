// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"strings"
	"testing"
)

func TestSource(t *testing.T) {
	for _, c := range []struct{ driver, dsn, system, instance, user, address string }{
		{"mysql", "shop:secret@tcp(db:3307)/orders?parseTime=true", "mysql", "orders", "shop", "db:3307"},
		{"mysql", "shop:secret@tcp(db)/orders", "mysql", "orders", "shop", "db:3306"},
		{"mysql", "shop:secret@tcp([::1]:3306)/orders", "mysql", "orders", "shop", "[::1]:3306"},
		{"mysql", "shop:se@cr/et@unix(/run/mysqld.sock)/orders", "mysql", "orders", "shop", "/run/mysqld.sock"},
		{"mysql", "shop@/orders", "mysql", "orders", "shop", "127.0.0.1:3306"},
		{"mysql", "/", "mysql", "", "", "127.0.0.1:3306"},
		{"mysql", "shop:secret/orders", "mysql", "", "", ""},
		{"mysql", "shop:secret", "mysql", "", "", ""},
		{"mysql", "shop:secret@tcp(db)/orders?loc=Asia/Tokyo", "mysql", "Tokyo", "shop", ""},
		{"mysql", "shop:secret://x@tcp(db:1)/orders", "mysql", "orders", "shop", "db:1"},
		{"nrmysql", "mysql://shop:secret@db:3306/orders", "mysql", "orders", "shop", "db:3306"},
		{"postgres", "postgres://shop:secret@db:5432/orders?sslmode=disable", "postgresql", "orders", "shop", "db:5432"},
		{"pgx", "postgresql://shop@db/orders", "postgresql", "orders", "shop", "db"},
		{"pgx", "postgres://shop:se?cret@db/orders", "postgresql", "", "", ""},
		{"pgx", "postgres://shop:se#cret@db/orders", "postgresql", "", "", ""},
		{"postgres", "host=db port=5432 user=shop password=secret;host=x dbname=orders", "postgresql", "orders", "shop", "db:5432"},
		{"postgres", "password='a b\\'host=x' host='db' dbname='my orders'", "postgresql", "my orders", "", "db"},
		{"postgres", "host=/run/postgresql dbname=orders", "postgresql", "orders", "", "/run/postgresql"},
		{"postgres", "host=a,b port=1,2", "postgresql", "", "", "a:1"},
		{"postgres", "password='open host=x", "postgresql", "", "", ""},
		{"postgres", "", "postgresql", "", "", ""},
		{"sqlserver", "sqlserver://sa:secret@db:1433/SQLExpress?database=orders", "mssql", "orders", "sa", "db:1433"},
		{"mssql", "server=db;user id=sa;password=sec ret;port=1433;database=orders", "mssql", "orders", "sa", "db:1433"},
		{"mssql", "Server=db,1434;Initial Catalog=orders", "mssql", "orders", "", "db:1434"},
		{"oracle", "oracle://scott:tiger@db:1521/service", "oracle", "service", "scott", "db:1521"},
		{"godror", `user="scott" password="tiger" connectString="db:1521/orcl"`, "oracle", "orcl", "scott", "db:1521"},
		{"clickhouse", "clickhouse://u:p@db:9000/orders", "clickhouse", "orders", "u", "db:9000"},
		{"sqlite3", "file:shop.db?cache=shared&_auth_pass=secret", "sqlite", "shop.db", "", ""},
		{"sqlite", "file:///var/shop.db", "sqlite", "/var/shop.db", "", ""},
		{"sqlite", ":memory:", "sqlite", ":memory:", "", ""},
		{"unknown", "shop:secret@db", "", "", "", ""},
		{"unknown", "x://shop:secret@db/orders", "", "orders", "shop", "db"},
	} {
		got := sourceOf(systemOf(c.driver), c.dsn)
		if want := (source{c.system, c.instance, c.user, c.address}); got != want {
			t.Errorf("%s %s\ngot  %+v\nwant %+v", c.driver, c.dsn, got, want)
		}
	}
}

// Nothing that is given as a data source name panics or grows.
func FuzzSource(f *testing.F) {
	for _, s := range []string{"shop:%@tcp(db:3306)/orders", "postgres://shop:%@db/orders", "host=db password=%", "server=db;password=%;database=x", "file:x?p=%", "/@:%", "'%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, form string) {
		for _, system := range []string{"mysql", "postgresql", "mssql", "oracle", "sqlite", ""} {
			s := sourceOf(system, form) // must not panic
			if len(s.address)+len(s.instance)+len(s.user) > 3*len(form)+32 {
				t.Errorf("%q: %+v", form, s)
			}
		}
	})
}

// A password of the usual characters, in the places where it belongs.
func TestPasswordStays(t *testing.T) {
	const secret = "S3cr3t"
	for _, c := range []struct{ driver, form string }{
		{"mysql", "shop:%@tcp(db:3306)/orders"},
		{"mysql", "shop:%@/orders"},
		{"postgres", "postgres://shop:%@db/orders"},
		{"postgres", "host=db password=% dbname=x"},
		{"postgres", "host=db password='%' dbname=x"},
		{"mssql", "server=db;password=%;database=x"},
		{"sqlserver", "sqlserver://sa:%@db?database=x"},
		{"godror", `user="x" password="%" connectString="db/o"`},
	} {
		for _, around := range []string{"%", "@%", "%@", "a%b", ":%", "%:x", ";%", "%;x=y", "(%)", "%)", "&%", "%%41"} {
			dsn := strings.ReplaceAll(c.form, "%", strings.ReplaceAll(around, "%", secret))
			s := sourceOf(systemOf(c.driver), dsn)
			if strings.Contains(s.address+s.instance+s.user, secret) {
				t.Errorf("%s: %+v", dsn, s)
			}
		}
	}
}

func TestVerb(t *testing.T) {
	for statement, want := range map[string]string{
		"SELECT 1": "SELECT", " \n select*from x": "SELECT", "-- why\nINSERT INTO x": "INSERT", "/* a */ /* b */update x": "UPDATE", "(SELECT 1)": "SELECT",
		"": "QUERY", "frobnicate": "QUERY", "x' or 1": "QUERY", "-- only": "QUERY", "/* open": "QUERY", "SELECTED": "QUERY", "savepoint a": "SAVEPOINT",
		"pragma x": "PRAGMA", strings.Repeat("a", 1<<16): "QUERY", "1": "QUERY", "SÉLECT": "QUERY",
	} {
		if got := verbOf(statement, "QUERY"); got != want {
			t.Errorf("%.20q: %q, want %q", statement, got, want)
		}
	}
}
