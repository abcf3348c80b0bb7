// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"database/sql/driver"
	"errors"
	"io"
	"reflect"

	"github.com/opentracing/opentracing-go"
)

// endQuery ends the call of a query, or leaves that to its rows.
func (c *call) endQuery(query string, r driver.Rows, err error) (driver.Rows, error) {
	if !c.on() {
		return r, err
	}
	operation := verbOf(query, nameQuery)
	if err != nil || r == nil || !c.t.rows {
		c.end(operation, query, err)
		return r, err
	}
	left := &rows{Rows: r, call: *c, operation: operation, query: query}
	c.over = true // here: it goes on with the rows
	return left, nil
}

// rows end a query when they are closed. What the driver's rows lack answers as
// database/sql does without.
type rows struct {
	driver.Rows
	call             call
	operation, query string
	n                int64
	err              error
	closed           bool
}

var (
	_ driver.RowsNextResultSet              = (*rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)
	_ driver.RowsColumnTypeLength           = (*rows)(nil)
	_ driver.RowsColumnTypeNullable         = (*rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*rows)(nil)
)

func (r *rows) Next(to []driver.Value) error {
	err := r.Rows.Next(to)
	switch {
	case err == nil:
		r.n++
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	return err
}

func (r *rows) Close() error {
	err := r.Rows.Close()
	if !r.closed {
		r.closed = true
		if r.err == nil {
			r.err = err
		}
		r.call.end(r.operation, r.query, r.err, opentracing.Tag{Key: "db.rows", Value: r.n})
	}
	return err
}

func (r *rows) HasNextResultSet() bool {
	n, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && n.HasNextResultSet()
}

func (r *rows) NextResultSet() error {
	if n, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return n.NextResultSet()
	}
	return io.EOF
}

func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if c, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return c.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if c, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return c.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	if c, has := r.Rows.(driver.RowsColumnTypeLength); has {
		return c.ColumnTypeLength(i)
	}
	return 0, false
}

func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if c, has := r.Rows.(driver.RowsColumnTypeNullable); has {
		return c.ColumnTypeNullable(i)
	}
	return false, false
}

func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if c, has := r.Rows.(driver.RowsColumnTypePrecisionScale); has {
		return c.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
