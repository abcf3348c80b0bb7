// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Markdown is docs/config.md: every setting with its default and meaning.
func Markdown(known Known) string {
	var b strings.Builder
	b.WriteString(`# Settings

One YAML file, given with ` + "`bridge --config FILE`" + ` or the variable BRIDGE_CONFIG.
Without a file every receiver listens on loopback and the built-in view shows
what comes in. A key that is not known is an error; ` + "`bridge validate`" + ` shows all
errors at once and opens nothing.

Every single value can be set by an environment variable too, which wins over the
file: BRIDGE_ and the path in capitals, with underscores for dots and dashes. So
` + "`receivers.jaeger-http.listen`" + ` is BRIDGE_RECEIVERS_JAEGER_HTTP_LISTEN, and
BRIDGE_TARGETS_ZIPKIN_KIND=zipkin with
BRIDGE_TARGETS_ZIPKIN_ENDPOINT=http://zipkin:9411 makes a target without a file.

Sizes are written 10MiB, 200MB or 4096; durations 500ms, 10s or 2m.

This page is generated from the source (` + "`make docs`" + `).
`)
	c := Default(known)
	sections(&b, reflect.ValueOf(c).Elem(), "")
	b.WriteString("\n## Receivers\n\n| name | default of listen | what comes in |\n|---|---|---|\n")
	for _, p := range known.Ports {
		network := ""
		if p.UDP {
			network = " (UDP)"
		}
		fmt.Fprintf(&b, "| %s | %s%s | %s |\n", p.Name, p.Listen, network, p.About)
	}
	b.WriteString("\n## Kinds of targets\n\n| kind | endpoint | what goes out |\n|---|---|---|\n")
	for _, k := range known.Kinds {
		endpoint := "host:port"
		if k.HTTP {
			endpoint = "URL"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", k.Name, endpoint, k.About)
	}
	return b.String()
}

// sections writes a table for each section with single values.
func sections(b *strings.Builder, v reflect.Value, path string) {
	type section struct {
		path  string
		about string
		value reflect.Value
	}
	var below []section
	var rows []string
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, about := field.Tag.Get("yaml"), field.Tag.Get("doc")
		full := join(path, key)
		switch m := v.Field(i).Interface().(type) {
		case map[string]*Receiver:
			below = append(below, section{full + ".NAME", about, reflect.ValueOf(&Receiver{Enabled: true, WhenBusy: "auto"}).Elem()})
		case map[string]*Target:
			below = append(below, section{full + ".NAME", about, reflect.ValueOf(defaultTarget()).Elem()})
		case map[string]string:
			rows = append(rows, fmt.Sprintf("| %s | none | %s |", key, about))
		default:
			if v.Field(i).Kind() == reflect.Struct {
				below = append(below, section{full, about, v.Field(i)})
				continue
			}
			rows = append(rows, fmt.Sprintf("| %s | %s | %s |", key, shown(m), about))
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| key | default | meaning |\n|---|---|---|\n%s\n", strings.Join(rows, "\n"))
	}
	for _, s := range below {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", s.path, s.about)
		sections(b, s.value, s.path)
	}
}

func shown(v any) string {
	switch x := v.(type) {
	case string:
		if x == "" {
			return "none"
		}
		return x
	case time.Duration:
		return shortDuration(x)
	case Secret:
		return "none"
	default:
		return fmt.Sprint(x)
	}
}

// shortDuration leaves out the parts that are zero: 2m instead of 2m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
