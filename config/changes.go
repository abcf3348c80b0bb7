// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Change is a setting that two configurations have otherwise.
type Change struct {
	Path     string // "targets.oap.endpoint"
	From, To string // as text; secrets are hidden, and what is not there is ""
}

// String is a line for people.
func (c Change) String() string {
	switch {
	case c.From == "" && c.To == "":
		return c.Path + " has changed"
	case c.From == "":
		return c.Path + ": " + c.To + " (was not set)"
	case c.To == "":
		return c.Path + ": not set (was " + c.From + ")"
	default:
		return c.Path + ": " + c.To + " (was " + c.From + ")"
	}
}

// fixed are the settings, and sections of them, that only a restart changes: what
// the process is built around, and what the servers of open connections were made
// with.
var fixed = []string{
	"queue.dir", "tenant", "admin.enabled", "admin.listen", "admin.public", "admin.tls", "log.format", "view.enabled", "limits.memory",
	"limits.message", "limits.streams", "limits.header_timeout", "limits.read_timeout", "limits.idle_timeout",
}

// NeedsRestart is true for a setting that a running gateway cannot change.
func (c Change) NeedsRestart() bool {
	return slices.ContainsFunc(fixed, func(f string) bool { return c.Path == f || strings.HasPrefix(c.Path, f+".") })
}

// Changes are the settings in which two configurations differ, by path. A target
// that only one of them has is one change.
func Changes(from, to *Config) []Change {
	var d differ
	d.diff("", reflect.ValueOf(from).Elem(), reflect.ValueOf(to).Elem())
	slices.SortFunc(d, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return d
}

type differ []Change

func (d *differ) diff(path string, a, b reflect.Value) {
	switch x := a.Interface().(type) {
	case map[string]*Receiver:
		each(x, b.Interface().(map[string]*Receiver), func(name string, a, b *Receiver) {
			d.diff(join(path, name), reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
		})
	case map[string]*Target:
		each(x, b.Interface().(map[string]*Target), func(name string, a, b *Target) {
			switch {
			case a == nil:
				*d = append(*d, Change{Path: join(path, name), To: b.brief()})
			case b == nil:
				*d = append(*d, Change{Path: join(path, name), From: a.brief()})
			default:
				d.diff(join(path, name), reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
			}
		})
	case map[string]string:
		y := b.Interface().(map[string]string)
		names := make(map[string]string)
		maps.Copy(names, x)
		maps.Copy(names, y)
		for name := range names {
			if x[name] != y[name] {
				// A header may be a secret.
				*d = append(*d, Change{Path: join(path, name)})
			}
		}
	default:
		if a.Kind() == reflect.Struct {
			for i := range a.NumField() {
				d.diff(join(path, a.Type().Field(i).Tag.Get("yaml")), a.Field(i), b.Field(i))
			}
			return
		}
		if !a.Equal(b) {
			*d = append(*d, Change{path, text(a), text(b)})
		}
	}
}

// each gives the values of two maps by name.
func each[T any](a, b map[string]*T, f func(name string, a, b *T)) {
	names := maps.Clone(a)
	maps.Copy(names, b)
	for name := range names {
		f(name, a[name], b[name])
	}
}

func (t *Target) brief() string {
	s := t.Kind + " at " + Redacted(t.Endpoint)
	if !t.Enabled {
		s += ", not enabled"
	}
	return s
}

func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Duration:
		return shortDuration(x)
	case string:
		return Redacted(x)
	default:
		return fmt.Sprint(x)
	}
}
