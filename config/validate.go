// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validate checks what single values cannot tell. It opens nothing.
func (r *reader) validate(c *Config) {
	r.addresses(c)
	r.access(c)
	for _, s := range []struct {
		path string
		size Size
	}{
		{"limits.body", c.Limits.Body}, {"limits.inflated", c.Limits.Inflated}, {"limits.message", c.Limits.Message},
	} {
		if s.size < 1024 || s.size > 1<<30 {
			r.wrong(s.path, s.size.String(), "1KiB to 1GiB")
		}
	}
	for _, d := range []struct {
		path string
		time time.Duration
	}{
		{"limits.header_timeout", c.Limits.HeaderTimeout}, {"limits.read_timeout", c.Limits.ReadTimeout}, {"limits.idle_timeout", c.Limits.IdleTimeout},
	} {
		if d.time <= 0 {
			r.wrong(d.path, d.time.String(), "more than 0s: a client that says nothing must not stay for ever")
		}
	}
	r.limits(&c.Limits)
	if c.View.Enabled && c.View.Memory < 1<<20 {
		r.wrong("view.memory", c.View.Memory.String(), "at least 1MiB")
	}
	r.queue(&c.Queue)
	r.tenant(c)
	r.oneOf("log.level", c.Log.Level, []string{"debug", "info", "warn", "error"})
	r.oneOf("log.format", c.Log.Format, []string{"text", "json"})
	r.rename("rename.services", c.Rename.Services, c.Rename.IgnoreCase)
	r.rename("rename.instances", c.Rename.Instances, c.Rename.IgnoreCase)
	if g := c.Sampling.Gateway; !(g > 0 && g <= 1) {
		r.wrong("sampling.gateway", strconv.FormatFloat(g, 'g', -1, 64), "more than 0 and at most 1, which keeps all")
	}
	if c.Shutdown.Drain < 0 {
		r.wrong("shutdown.drain", c.Shutdown.Drain.String(), "0s or more")
	}
	for _, p := range r.known.Ports {
		r.oneOf("receivers."+p.Name+".when_busy", c.Receivers[p.Name].WhenBusy, []string{"auto", "answer", "break"})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Targets)) {
		t := c.Targets[name]
		if _, given := r.places["targets."+name+".queue.max_bytes"]; !given && c.Queue.Dir != "" {
			t.Queue.MaxBytes = onDisk
		}
		r.target(name, t)
	}
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// tenant checks the headers that name a tenant.
func (r *reader) tenant(c *Config) {
	name := func(path, header string) {
		switch {
		case header == "":
		case !headerName.MatchString(header) || strings.HasSuffix(strings.ToLower(header), "-bin") || strings.HasPrefix(strings.ToLower(header), "grpc-"):
			r.wrong(path, strconv.Quote(header), "the name of a header such as X-Scope-OrgID")
		}
	}
	name("tenant.header", c.Tenant.Header)
	if c.Tenant.Labels < 1 || c.Tenant.Labels > 10_000 {
		r.wrong("tenant.labels", strconv.Itoa(c.Tenant.Labels), "1 to 10000")
	}
	for target, t := range c.Targets {
		path := "targets." + target + ".tenant_header"
		name(path, t.TenantHeader)
		kind, ok := r.known.kind(t.Kind)
		switch {
		case t.TenantHeader == "":
		case c.Tenant.Header == "":
			r.wrong(path, t.TenantHeader+" without tenant.header", "both, or nothing")
		case ok && !kind.Tenants:
			r.wrong(path, t.TenantHeader+" for kind "+t.Kind, "nothing: its server knows no tenants")
		}
	}
}

// wait checks how long clients are kept waiting: an answer must come before the
// connection's own time is over.
func (r *reader) wait(path string, wait time.Duration) {
	if wait < 0 || wait > time.Minute {
		r.wrong(path, wait.String(), "0s (what suits the protocol) to 1m")
	}
}

// queue checks the bounds of the log. Less than a few of its files would drop what
// has just come.
func (r *reader) queue(q *Queue) {
	if q.MaxBytes != 0 && q.MaxBytes < 256<<20 {
		r.wrong("queue.max_bytes", q.MaxBytes.String(), "0B (no bound) or at least 256MiB")
	}
	if q.MaxAge != 0 && q.MaxAge < time.Minute {
		r.wrong("queue.max_age", q.MaxAge.String(), "0s (for ever) or at least 1m")
	}
	if q.ForgetAfter < 0 {
		r.wrong("queue.forget_after", q.ForgetAfter.String(), "0s or more")
	}
	if q.Dead.MaxBytes < 1<<20 {
		r.wrong("queue.dead.max_bytes", q.Dead.MaxBytes.String(), "1MiB or more")
	}
	if q.Dead.MaxAge < 0 {
		r.wrong("queue.dead.max_age", q.Dead.MaxAge.String(), "0s (for ever) or more")
	}
}

// rename checks names and their new ones.
func (r *reader) rename(path string, names map[string]string, ignoreCase bool) {
	seen := make(map[string]string)
	for _, from := range slices.Sorted(maps.Keys(names)) {
		if from == "" || names[from] == "" {
			r.wrong(join(path, from), fmt.Sprintf("%q for %q", names[from], from), "two names")
			continue
		}
		if !ignoreCase {
			continue
		}
		lower := strings.ToLower(from)
		if other, ok := seen[lower]; ok && names[other] != names[from] {
			r.wrong(join(path, from), fmt.Sprintf("the same as %s but for the case, with another new name", other), "it once, since ignore_case is true")
		}
		seen[lower] = from
	}
}

// wrong is a fault of the value at a path.
func (r *reader) wrong(path, found, want string) {
	for _, f := range r.faults {
		if f.Path == path {
			return // its text is wrong already
		}
	}
	p, ok := r.places[path]
	for at := path; !ok && at != ""; {
		// The nearest section around a value that was not given.
		i := strings.LastIndexByte(at, '.')
		if i < 0 {
			break
		}
		at = at[:i]
		p, ok = r.places[at]
	}
	if !ok {
		p.text = "configuration"
		if r.name != "" {
			p.text = r.name
		}
	}
	r.fault(p, path, found, want)
}

func (r *reader) oneOf(path, found string, words []string) {
	if !slices.Contains(words, found) {
		r.wrong(path, strconv.Quote(found)+nearest(found, words), strings.Join(words, " or "))
	}
}

// addresses checks the addresses to listen at, and that no two are the same.
func (r *reader) addresses(c *Config) {
	taken := make(map[string]string)
	check := func(path, network, listen string) {
		host, port, err := net.SplitHostPort(listen)
		n, perr := strconv.ParseUint(port, 10, 16)
		if err != nil || perr != nil || strings.ContainsAny(host, " /") {
			r.wrong(path, strconv.Quote(listen), "an address and a port such as 127.0.0.1:9411 or :9411")
			return
		}
		key := network + " " + listen
		if other, ok := taken[key]; ok && n != 0 {
			r.wrong(path, listen+", which "+other+" has too", "an address of its own")
			return
		}
		taken[key] = path
	}
	for _, p := range r.known.Ports {
		if x := c.Receivers[p.Name]; x.Enabled {
			check("receivers."+p.Name+".listen", p.network(), x.Listen)
		}
	}
	if c.Admin.Enabled {
		check("admin.listen", "tcp", c.Admin.Listen)
	}
}

func (p Port) network() string {
	if p.UDP {
		return "udp"
	}
	return "tcp"
}

var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

func (r *reader) target(name string, t *Target) {
	path := "targets." + name
	if !targetName.MatchString(name) || name == "view" {
		r.wrong(path, fmt.Sprintf("the name %q", name), "up to 63 of a-z, 0-9, _ and -, not view")
	}
	kind, ok := r.known.kind(t.Kind)
	switch {
	case t.Kind == "":
		r.wrong(path+".kind", "nothing", "one of "+strings.Join(r.known.kinds(), ", "))
	case !ok:
		r.wrong(path+".kind", strconv.Quote(t.Kind)+nearest(t.Kind, r.known.kinds()), "one of "+strings.Join(r.known.kinds(), ", "))
	default:
		r.endpoint(path+".endpoint", t.Endpoint, kind)
	}
	if t.Timeout <= 0 {
		r.wrong(path+".timeout", t.Timeout.String(), "more than 0s")
	}
	if t.Connections < 1 || t.Connections > 64 {
		r.wrong(path+".connections", strconv.Itoa(t.Connections), "1 to 64")
	}
	if t.Batch.Spans < 1 || t.Batch.Spans > 100_000 {
		r.wrong(path+".batch.spans", strconv.Itoa(t.Batch.Spans), "1 to 100000")
	}
	if t.Batch.Bytes < 1 {
		r.wrong(path+".batch.bytes", t.Batch.Bytes.String(), "1B or more")
	}
	if t.Batch.Linger < 0 || t.Batch.Linger > time.Minute {
		r.wrong(path+".batch.linger", t.Batch.Linger.String(), "0s to 1m")
	}
	if t.Retry.Initial <= 0 || t.Retry.Max < t.Retry.Initial {
		r.wrong(path+".retry", fmt.Sprintf("initial %s and max %s", t.Retry.Initial, t.Retry.Max), "initial above 0s, and max not below it")
	}
	if t.Retry.GiveUpAfter < 0 {
		r.wrong(path+".retry.give_up_after", t.Retry.GiveUpAfter.String(), "0s (never) or more")
	}
	if t.Queue.MaxBytes < 1<<20 {
		r.wrong(path+".queue.max_bytes", t.Queue.MaxBytes.String(), "1MiB or more")
	}
	r.oneOf(path+".queue.when_full", t.Queue.WhenFull, []string{"refuse", "wait", "drop_oldest"})
	r.wait(path+".queue.wait", t.Queue.Wait)
	if t.Gzip && t.Zstd {
		r.wrong(path, "gzip and zstd", "one of them")
	}
	if (t.TLS.CertFile == "") != (t.TLS.KeyFile == "") {
		r.wrong(path+".tls", "one of cert_file and key_file", "both or none")
	}
	r.oneOf(path+".residue", t.Residue, []string{"exact", "plain", "otel"})
	r.window(path+".window", &t.Window, t.Queue.MaxBytes)
}

// window checks how long spans wait. What waits stays in the queue, so it may
// not fill the queue by itself.
func (r *reader) window(path string, w *Window, queue Size) {
	if _, given := r.places[path+".max_bytes"]; !given {
		w.MaxBytes = min(w.MaxBytes, queue/2)
	}
	for _, d := range []struct {
		key  string
		time time.Duration
	}{
		{"hold", w.Hold}, {"settle", w.Settle}, {"longest", w.Longest},
	} {
		if d.time < 0 || d.time > 10*time.Minute {
			r.wrong(path+"."+d.key, d.time.String(), "0s to 10m")
		}
	}
	if w.Longest < w.Settle {
		r.wrong(path+".longest", fmt.Sprintf("%s with settle %s", w.Longest, w.Settle), "not less than settle")
	}
	if w.Remember < 0 || w.Remember > 24*time.Hour {
		r.wrong(path+".remember", w.Remember.String(), "0s to 24h")
	}
	if w.MaxSpans < 1000 || w.MaxSpans > 100_000_000 {
		r.wrong(path+".max_spans", strconv.Itoa(w.MaxSpans), "1000 to 100000000")
	}
	if w.MaxRemembered < 1000 || w.MaxRemembered > 100_000_000 {
		r.wrong(path+".max_remembered", strconv.Itoa(w.MaxRemembered), "1000 to 100000000")
	}
	if queue >= 1<<20 && (w.MaxBytes < 64<<10 || w.MaxBytes > queue/2) {
		r.wrong(path+".max_bytes", w.MaxBytes.String(), fmt.Sprintf("64KiB to %s, half of queue.max_bytes", queue/2))
	}
}

func (r *reader) endpoint(path, endpoint string, kind Kind) {
	if kind.HTTP {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			r.wrong(path, orNothing(endpoint), "a URL such as http://host:9411")
		}
		return
	}
	address := strings.TrimPrefix(strings.TrimPrefix(endpoint, "http://"), "https://")
	if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
		r.wrong(path, orNothing(endpoint), "host:port, or https://host:port for TLS")
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return strconv.Quote(Redacted(s))
}
