// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"net"
	"net/url"
	"strings"
)

// source is what is known of a database.
type source struct{ system, instance, user, address string }

func (s source) or(o source) source {
	return source{or(s.system, o.system), or(s.instance, o.instance), or(s.user, o.user), or(s.address, o.address)}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// systems are types of databases by a part of the name or the path of a driver.
var systems = []struct{ part, system string }{
	{"mysql", "mysql"},
	{"mariadb", "mariadb"},
	{"postgres", "postgresql"},
	{"pgx", "postgresql"},
	{"lib/pq", "postgresql"},
	{"sqlite", "sqlite"},
	{"sqlserver", "mssql"},
	{"mssql", "mssql"},
	{"oracle", "oracle"},
	{"godror", "oracle"},
	{"go-ora", "oracle"},
	{"clickhouse", "clickhouse"},
	{"chhttp", "clickhouse"},
	{"snowflake", "snowflake"},
	{"duckdb", "duckdb"},
	{"spanner", "spanner"},
	{"bigquery", "bigquery"},
	{"trino", "trino"},
}

// systemOf is the type of a database, from the name or the path of its driver.
func systemOf(driver string) string {
	driver = strings.ToLower(driver)
	for i := range systems {
		if strings.Contains(driver, systems[i].part) {
			return systems[i].system
		}
	}
	return ""
}

// sourceOf reads a data source name. What it does not understand it leaves
// empty: a part of a password must not come out as something else.
func sourceOf(system, dsn string) source {
	s := source{system: system}
	switch scheme, _, ok := strings.Cut(dsn, "://"); {
	case system == "sqlite" || system == "duckdb":
		s.instance = fileOf(dsn)
	case ok && isScheme(scheme):
		s.readURL(dsn)
	case system == "postgresql" || system == "oracle":
		s.readPairs(dsn, " \t\r\n")
	case system == "mssql":
		s.readPairs(dsn, ";")
	case system == "mysql" || system == "mariadb":
		s.readMySQL(dsn)
	}
	return s
}

func isScheme(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '+' && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	return s != ""
}

// fileOf is the file of SQLite: "file:shop.db?mode=ro", ":memory:".
func fileOf(dsn string) string {
	dsn = strings.TrimPrefix(strings.TrimPrefix(dsn, "file:"), "//")
	dsn, _, _ = strings.Cut(dsn, "?")
	return dsn
}

// readURL reads postgres://user:password@host:port/name.
func (s *source) readURL(dsn string) {
	u, err := url.Parse(dsn)
	if err != nil {
		return
	}
	s.address = u.Host
	s.instance = strings.Trim(u.Path, "/")
	q := u.Query()
	if db := or(q.Get("database"), q.Get("dbname")); db != "" { // of SQL Server, where the path is an instance of the server
		s.instance = db
	}
	if u.User != nil {
		s.user = u.User.Username()
	}
}

// readMySQL reads user:password@net(address)/name?params. As the driver does, it
// looks for the last / and the last @ before.
func (s *source) readMySQL(dsn string) {
	slash := strings.LastIndexByte(dsn, '/')
	if slash < 0 {
		return
	}
	s.instance, _, _ = strings.Cut(dsn[slash+1:], "?")
	where := dsn[:slash]
	if at := strings.LastIndexByte(where, '@'); at >= 0 {
		s.user, _, _ = strings.Cut(where[:at], ":")
		where = where[at+1:]
	}
	network, address, ok := strings.Cut(where, "(")
	address = strings.TrimSuffix(address, ")")
	switch {
	case strings.ContainsAny(network, "@:"): // a password without its user's @
		*s = source{system: s.system}
	case strings.ContainsAny(address, ")?@"): // not what the driver takes either
	case ok && address != "":
		s.address = address
		if network == "tcp" && !strings.Contains(strings.TrimLeft(address, "["), ":") {
			s.address = net.JoinHostPort(address, "3306")
		}
	case network == "" || network == "tcp":
		s.address = "127.0.0.1:3306"
	}
}

// readPairs reads pairs like host=db port=5432 dbname='shop'.
func (s *source) readPairs(dsn, separators string) {
	host, port := "", ""
	for dsn != "" {
		var key, value string
		key, value, dsn = nextPair(dsn, separators)
		switch strings.ToLower(key) {
		case "host", "server", "data source", "addr", "address", "hostaddr", "network address":
			host = or(host, value)
		case "connectstring": // host:port/service of Oracle
			host, s.instance, _ = strings.Cut(value, "/")
		case "port":
			port = value
		case "dbname", "database", "initial catalog":
			s.instance = value
		case "user", "user id", "uid":
			s.user = value
		}
	}
	if h, p, ok := strings.Cut(host, ","); ok { // of SQL Server, or a list of hosts
		host = h
		if isNumber(p) {
			port = p
		}
	}
	port, _, _ = strings.Cut(port, ",")
	switch {
	case host == "" || strings.HasPrefix(host, "/"):
		s.address = host
	case port != "":
		s.address = net.JoinHostPort(host, port)
	default:
		s.address = host
	}
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// nextPair takes a pair off the front. Values may be quoted.
func nextPair(dsn, separators string) (key, value, rest string) {
	dsn = strings.TrimLeft(dsn, " ;\t\r\n")
	key, rest, ok := strings.Cut(dsn, "=")
	if !ok {
		return "", "", ""
	}
	key, rest = strings.TrimSpace(key), strings.TrimLeft(rest, " ")
	if quote := byte(0); rest != "" && (rest[0] == '\'' || rest[0] == '"') {
		quote = rest[0]
		var b strings.Builder
		for i := 1; i < len(rest); i++ {
			switch {
			case rest[i] == '\\' && i+1 < len(rest):
				i++
				b.WriteByte(rest[i])
			case rest[i] == quote:
				return key, b.String(), rest[i+1:]
			default:
				b.WriteByte(rest[i])
			}
		}
		return "", "", "" // no end
	}
	end := strings.IndexAny(rest, separators)
	if end < 0 {
		return key, strings.TrimSpace(rest), ""
	}
	return key, strings.TrimSpace(rest[:end]), rest[end:]
}
