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
	b.WriteString(reloadText)
	for _, f := range fixed {
		fmt.Fprintf(&b, "| `%s` | needs a restart: a reload that changes it is refused whole, and says so |\n", f)
	}
	return b.String()
}

const reloadText = `
## Reload

` + "`bridge reload`" + `, or SIGHUP to the process (not on Windows), reads the file, the
variables and the files of secrets, certificates and strategies again. All of it is
checked first, as by ` + "`bridge validate`" + `. With any fault the former configuration stays
in force untouched: ` + "`bridge reload`" + ` prints every fault with its line and ends with 78,
the log has them too, and bridge_config_last_reload_successful is 0. Otherwise the
changes are in force, whole, when the command ends; it prints each of them. It asks the
admin port (POST /reload), which answers programs of the same machine only.

No span that was acknowledged is lost by it, and no port or connection is closed that need not be.

| setting | what a reload does |
|---|---|
| ` + "`receivers.NAME.enabled`, `listen`" + ` | opens, closes or moves the port. One that is closed or moved takes no more connections and finishes what it has begun to receive, for at most 10s. A port whose address stays keeps its socket and its connections. One that goes from one interface to all of them, with the same number, is closed for a moment in between. Datagrams that lie unread in the socket of a UDP port that is closed or moved are lost |
| ` + "`receivers.NAME.auth`, `allow_anonymous`, `strict`, `when_busy`, `security.auth`" + ` | at once, for every request and call, on open connections too |
| ` + "`receivers.NAME.tls`, `security.tls`" + ` | for new connections; those that are open stay as they are |
| ` + "`limits`" + ` but those below | at once |
| a target that is new, or enabled | gets what comes from then on |
| a target that is gone, or not enabled | gets what it has read, for at most 10s. What it has not got is dropped and counted (bridge_spans_dropped_total, removed) where the queue is in memory; on disk it stays for queue.forget_after, as after a restart, and the target goes on there when it comes back in that time. The reload says how many spans it is |
| ` + "`targets.NAME.endpoint`, `headers`, `auth`, `tls`, `gzip`, `zstd`, `timeout`, `connections`" + ` | for the next request; those on their way come to their end as they were sent. What waits to be tried again is tried at once |
| ` + "`targets.NAME.batch`, `retry`, `queue`, `window`" + ` | at once; spans that wait go on waiting |
| ` + "`targets.NAME.kind`, `residue`, `unknown_caller`, `wrap_exits`, `tenant_header`" + ` | the former target gets what it has read, for at most 10s, then the new one goes on at its place in the queue. What the former one has sent is not sent again; of a request that it was sending in parts, because a part was refused, those that were taken are |
| ` + "`rename`, `sampling.gateway`" + ` | for messages that come from then on; those that wait in the queue keep the rules of their receipt |
| ` + "`sampling.strategies_file`, `log.level`, `shutdown`, `admin.auth`" + ` | at once |
| ` + "`view.memory`, `view.strict_trace_id`, `queue.max_bytes`, `max_age`, `forget_after`, `decoded`, `dead`" + ` | at once |
`

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
