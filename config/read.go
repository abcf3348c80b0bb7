// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Read reads a file (none when the name is empty) and the environment, given
// as os.Environ does. The error is Faults when the settings are wrong.
func Read(file string, environ []string, known Known) (*Config, error) {
	var data []byte
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("the configuration file: %w", err)
		}
	}
	return Parse(file, data, environ, known)
}

// Parse is Read for the content of a file; name is for messages.
func Parse(name string, data []byte, environ []string, known Known) (*Config, error) {
	r := &reader{name: name, known: known, places: make(map[string]place)}
	c := r.read(data, environ)
	if r.syntax != nil {
		return nil, Faults{*r.syntax}
	}
	r.validate(c)
	if err := r.faults.orNil(); err != nil {
		return nil, err
	}
	return c, nil
}

// ReadAdmin reads where the admin port is, as far as can be told from settings
// that may have faults.
func ReadAdmin(file string, environ []string, known Known) Admin {
	data, _ := os.ReadFile(file) // a fault like any other
	r := &reader{name: file, known: known, places: make(map[string]place)}
	return r.read(data, environ).Admin
}

func (r *reader) read(data []byte, environ []string) *Config {
	c := Default(r.known)
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF): // an empty file is a file without settings
	case err != nil:
		f := syntaxFault(r.name, err)
		r.syntax = &f
	default:
		r.section(doc.Content[0], reflect.ValueOf(c).Elem(), "")
		if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
			r.faults = append(r.faults, Fault{Place: r.name, Found: "more than one document (---)", Want: "one"})
		}
	}
	r.environment(c, environ)
	return c
}

// syntaxFault words an error of the YAML reader, which says "yaml: line 3: …".
func syntaxFault(name string, err error) Fault {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if line, what, ok := strings.Cut(rest, ": "); ok {
			return Fault{Place: name + ":" + line, Found: what, Want: "YAML"}
		}
	}
	return Fault{Place: name, Found: text, Want: "YAML"}
}

// reader fills a Config from YAML nodes.
type reader struct {
	name   string
	known  Known
	places map[string]place // where a setting was given, by path
	faults Faults
	syntax *Fault // it is no YAML
}

type place struct {
	text string
	line int
}

func (r *reader) at(n *yaml.Node) place {
	return place{r.name + ":" + strconv.Itoa(n.Line), n.Line}
}

func (r *reader) fault(p place, path, found, want string) {
	r.faults = append(r.faults, Fault{Place: p.text, Path: path, Found: found, Want: want, line: p.line})
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// pairs gives the keys and values of a mapping, each key once.
func (r *reader) pairs(n *yaml.Node, path string, each func(key, value *yaml.Node)) {
	n = follow(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // a section without settings
	}
	if n.Kind != yaml.MappingNode {
		found := describe(n)
		if n.Kind == yaml.ScalarNode && (path == "auth" || strings.HasSuffix(path, ".auth")) {
			found = "text" // which may be a secret
		}
		r.fault(r.at(n), path, found, "a mapping of keys to values")
		return
	}
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if line, ok := seen[key.Value]; ok {
			r.fault(r.at(key), join(path, key.Value), fmt.Sprintf("given again (first in line %d)", line), "it once")
			continue
		}
		seen[key.Value] = key.Line
		each(key, n.Content[i+1])
	}
}

func follow(n *yaml.Node) *yaml.Node {
	for range 10 { // an alias may not lead to itself
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	return n
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return strconv.Quote(n.Value)
	}
}

// fields gives the fields of a struct by key.
func fields(t reflect.Type) map[string]int {
	m := make(map[string]int)
	for i := range t.NumField() {
		m[t.Field(i).Tag.Get("yaml")] = i
	}
	return m
}

func (r *reader) section(n *yaml.Node, v reflect.Value, path string) {
	known := fields(v.Type())
	r.pairs(n, path, func(key, value *yaml.Node) {
		i, ok := known[key.Value]
		if !ok {
			r.unknown(r.at(key), join(path, key.Value), key.Value, slices.Sorted(maps.Keys(known)))
			return
		}
		r.value(value, v.Field(i), join(path, key.Value))
	})
}

func (r *reader) unknown(p place, path, key string, known []string) {
	r.fault(p, path, "no such setting"+nearest(key, known), "one of "+strings.Join(known, ", "))
}

func (r *reader) value(n *yaml.Node, v reflect.Value, path string) {
	n = follow(n)
	r.places[path] = r.at(n)
	switch target := v.Addr().Interface().(type) {
	case *map[string]*Receiver:
		names := slices.Sorted(maps.Keys(*target))
		r.pairs(n, path, func(key, value *yaml.Node) {
			receiver, ok := (*target)[key.Value]
			if !ok {
				r.unknown(r.at(key), join(path, key.Value), key.Value, names)
				return
			}
			r.places[join(path, key.Value)] = r.at(key)
			r.section(value, reflect.ValueOf(receiver).Elem(), join(path, key.Value))
		})
	case *map[string]*Target:
		r.pairs(n, path, func(key, value *yaml.Node) {
			t := defaultTarget()
			(*target)[key.Value] = t
			r.places[join(path, key.Value)] = r.at(key)
			r.section(value, reflect.ValueOf(t).Elem(), join(path, key.Value))
		})
	case *map[string]string:
		*target = make(map[string]string)
		r.pairs(n, path, func(key, value *yaml.Node) {
			value = follow(value)
			if value.Kind != yaml.ScalarNode {
				r.fault(r.at(value), join(path, key.Value), describe(value), "text")
				return
			}
			r.places[join(path, key.Value)] = r.at(key)
			(*target)[key.Value] = value.Value
		})
	default:
		if v.Kind() == reflect.Struct {
			r.section(n, v, path)
			return
		}
		if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
			r.fault(r.at(n), path, describe(n), wanted(v))
			return
		}
		r.scalar(r.at(n), v, path, n.Value)
	}
}

// scalar sets a setting from its text.
func (r *reader) scalar(p place, v reflect.Value, path, text string) {
	r.places[path] = p
	var err error
	switch target := v.Addr().Interface().(type) {
	case *string:
		*target = text
	case *Secret:
		*target = Secret(text)
	case *bool:
		// Not YAML's yes and on: people disagree on what they mean.
		switch text {
		case "true", "false":
			*target = text == "true"
		default:
			err = errors.New("")
		}
	case *int:
		*target, err = strconv.Atoi(text)
	case *float64:
		*target, err = strconv.ParseFloat(text, 64)
	case *Size:
		*target, err = parseSize(text)
	case *time.Duration:
		*target, err = time.ParseDuration(text)
	default:
		panic(fmt.Sprintf("config: a setting of type %s", v.Type()))
	}
	if err != nil {
		r.fault(p, path, strconv.Quote(text), wanted(v))
	}
}

// wanted describes what a scalar may be.
func wanted(v reflect.Value) string {
	switch v.Interface().(type) {
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case float64:
		return "a number such as 0.1"
	case Size:
		return wantSize
	case time.Duration:
		return "a duration such as 500ms, 10s or 2m"
	default:
		return "text"
	}
}
