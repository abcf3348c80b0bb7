// SPDX-License-Identifier: Apache-2.0

// Package databasesql traces database/sql, by a driver around the driver.
//
//	db, err := databasesql.Open(t, "mysql", "shop@tcp(db:3306)/shop")
//	rows, err := db.QueryContext(ctx, "SELECT …")
//
// In come the calls that database/sql makes of a driver, out go client spans
// named by the verb of the statement (SELECT, BEGIN, COMMIT), children of the
// span in the context of the call. Without a span there, there is none for the
// call either, so that pools and migrations do not make traces of their own; the
// option Roots changes that. Calls without a context are part of that:
// db.Query has none, db.QueryContext has.
//
// What a driver can do stays as it was: optional interfaces are handed on where
// they are there, and behave as if absent where they are not. Conn.Raw gives our
// connection, whose method Unwrap gives the driver's. The span itself is not in
// the context that the driver sees: it is made when the call is over, since a
// driver may say that it leaves the call to others (driver.ErrSkip), which is
// neither a span nor an error.
//
// Tags: component, span.kind, db.type, db.instance, db.user, db.statement,
// peer.hostname, peer.address; db.rows with the option Rows. Arguments are never
// recorded, statements as the option Statement says. Types, names and addresses
// are read from data source names in the forms of the usual drivers; where the
// address is not known the type stands for it, since SkyWalking shows no database
// without. Errors of reading rows are seen with the option Rows alone. A driver's
// panic is an error of its call and goes on.
package databasesql
