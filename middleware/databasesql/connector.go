// SPDX-License-Identifier: Apache-2.0

package databasesql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"reflect"

	"github.com/opentracing/opentracing-go"
)

// Open is sql.Open for a driver that was registered, with spans. A nil tracer is
// the global one of the time of each call.
func Open(t opentracing.Tracer, driverName, dsn string, options ...Option) (*sql.DB, error) {
	db, err := sql.Open(driverName, dsn) // connects to nothing yet
	if err != nil {
		return nil, err
	}
	d := db.Driver()
	if err := db.Close(); err != nil {
		return nil, err
	}
	system := systemOf(driverName)
	if system == "" {
		system = systemOfDriver(d)
	}
	if system == "" {
		system = driverName
	}
	c, err := (&tracedDriver{d, t, system, options}).OpenConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// WrapDriver is a driver with spans, for sql.Register.
func WrapDriver(t opentracing.Tracer, d driver.Driver, options ...Option) driver.Driver {
	return &tracedDriver{d, t, systemOfDriver(d), options}
}

// WrapConnector is a connector with spans, for sql.OpenDB. What is to be known
// of the database, the options have to say.
func WrapConnector(t opentracing.Tracer, c driver.Connector, options ...Option) driver.Connector {
	return &connector{c, &tracing{newOptions(source{system: systemOfDriver(c.Driver())}, options), t}}
}

// systemOfDriver is the type of a database by the package of its driver.
func systemOfDriver(d driver.Driver) string {
	typ := reflect.TypeOf(d)
	if typ == nil {
		return ""
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	return systemOf(typ.PkgPath())
}

type tracedDriver struct {
	driver  driver.Driver
	tracer  opentracing.Tracer
	system  string
	options []Option
}

var _ driver.DriverContext = (*tracedDriver)(nil)

// Open is what database/sql calls of drivers without OpenConnector.
func (d *tracedDriver) Open(dsn string) (driver.Conn, error) {
	c, err := d.driver.Open(dsn)
	if err != nil {
		return nil, err
	}
	return wrapConn(c, d.tracing(dsn)), nil
}

func (d *tracedDriver) OpenConnector(dsn string) (driver.Connector, error) {
	var inner driver.Connector = dsnConnector{dsn, d.driver}
	if dc, ok := d.driver.(driver.DriverContext); ok {
		c, err := dc.OpenConnector(dsn)
		if err != nil {
			return nil, err
		}
		inner = c
	}
	return &connector{inner, d.tracing(dsn)}, nil
}

func (d *tracedDriver) tracing(dsn string) *tracing {
	return &tracing{newOptions(sourceOf(d.system, dsn), d.options), d.tracer}
}

// dsnConnector is what database/sql has for drivers without OpenConnector.
type dsnConnector struct {
	dsn    string
	driver driver.Driver
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

type connector struct {
	inner driver.Connector
	t     *tracing
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	call := c.t.begin(ctx, Connect)
	defer call.unlessOver("CONNECT", "")
	inner, err := c.inner.Connect(ctx)
	call.end("CONNECT", "", err)
	if err != nil {
		return nil, err
	}
	return wrapConn(inner, c.t), nil
}

// Driver is the driver below: libraries look at its type to know the dialect.
func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

// Close is called by sql.DB.
func (c *connector) Close() error {
	if closer, ok := c.inner.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
