// SPDX-License-Identifier: Apache-2.0

package env

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
	"github.com/spanbridge/spanbridge/tracer/reporter"
)

// reader reads variables and collects what is wrong with them.
type reader struct {
	get    func(string) string
	faults []error
}

func (r *reader) wrong(name, found, want string) {
	if found == "" {
		found = "nothing"
	} else {
		found = strconv.Quote(found)
	}
	r.faults = append(r.faults, fmt.Errorf("%s: %s, want %s", name, found, want))
}

func (r *reader) truth(name string, otherwise bool) bool {
	v := r.get(name)
	if v == "" {
		return otherwise
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		r.wrong(name, v, "true or false")
	}
	return b
}

func (r *reader) count(name string) int {
	v := r.get(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 1 {
		r.wrong(name, v, "a number of 1 or more")
	}
	return int(n)
}

// duration reads Go's form, such as 1m30s, or milliseconds.
func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	v := r.get(name)
	if v == "" {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	if ms, err2 := strconv.ParseInt(v, 10, 64); err2 == nil && ms >= 0 && ms <= math.MaxInt64/int64(time.Millisecond) {
		d, err = time.Duration(ms)*time.Millisecond, nil
	}
	if err != nil || d <= 0 {
		r.wrong(name, v, "a time such as 10s, or milliseconds")
	}
	return d
}

func read(get func(string) string) (*Settings, error) {
	r := &reader{get: func(name string) string { return strings.TrimSpace(get(name)) }}
	s := &Settings{
		Service:  r.get("JAEGER_SERVICE_NAME"),
		Disabled: r.truth("JAEGER_DISABLED", false),
		Tags:     r.tags("JAEGER_TAGS"),
		Short:    !r.truth("JAEGER_TRACEID_128BIT", true),
		Write:    r.formats(),
		Sampler:  r.sampler(),
		Reporter: r.reporter(),
	}
	if err := errors.Join(r.faults...); err != nil {
		return nil, err
	}
	return s, nil
}

// tags reads a=1,b=${NAME:otherwise}.
func (r *reader) tags(name string) (tags []tracer.Tag) {
	for pair := range strings.SplitSeq(r.get(name), ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		if k = strings.TrimSpace(k); !ok || k == "" {
			r.wrong(name, pair, "key=value")
			continue
		}
		v = strings.TrimSpace(v)
		if strings.HasPrefix(v, "${") && strings.HasSuffix(v, "}") {
			other, otherwise, _ := strings.Cut(v[2:len(v)-1], ":")
			if v = r.get(other); v == "" {
				v = otherwise
			}
		}
		tags = append(tags, tracer.Tag{Key: k, Value: v})
	}
	return tags
}

// formats reads which headers are written; nil if nobody says.
func (r *reader) formats() []propagation.Format {
	for _, name := range []string{"BRIDGE_PROPAGATION", "JAEGER_PROPAGATION"} {
		v := r.get(name)
		if v == "" {
			continue
		}
		if strings.EqualFold(v, "none") {
			return []propagation.Format{}
		}
		formats, err := propagation.ParseFormats(v)
		if err != nil || len(formats) == 0 {
			r.wrong(name, v, "none, or a list of b3, b3multi, sw8, w3c, uber, ot")
		}
		return formats
	}
	// OpenTelemetry's is not for us: what we do not know means something to others.
	var formats []propagation.Format
	for word := range strings.SplitSeq(r.get("OTEL_PROPAGATORS"), ",") {
		if f, err := propagation.ParseFormats(word); err == nil {
			formats = append(formats, f...)
		}
	}
	return formats
}

func (r *reader) sampler() SamplerSettings {
	s := SamplerSettings{
		Type:          strings.ToLower(r.get("JAEGER_SAMPLER_TYPE")),
		Param:         math.NaN(),
		Interval:      r.duration("JAEGER_SAMPLER_REFRESH_INTERVAL", 0),
		MaxOperations: r.count("JAEGER_SAMPLER_MAX_OPERATIONS"),
	}
	want := ""
	switch s.Type {
	case "":
		s.Type = "remote"
		fallthrough
	case "remote", "probabilistic":
		want = "a rate from 0 to 1"
	case "const":
		want = "0 or 1"
	case "ratelimiting":
		want = "traces a second, 0 or more"
	default:
		r.wrong("JAEGER_SAMPLER_TYPE", s.Type, "const, probabilistic, ratelimiting or remote")
		return s
	}
	name := "JAEGER_SAMPLER_PARAM"
	if v := r.get(name); v != "" || s.Type != "remote" {
		p, err := strconv.ParseFloat(v, 64)
		if err != nil || !(p >= 0) || math.IsInf(p, 0) || strings.HasPrefix(want, "a rate") && p > 1 {
			r.wrong(name, v, want)
		}
		s.Param = p
	}
	found := ""
	for _, n := range []string{"JAEGER_SAMPLING_ENDPOINT", "JAEGER_SAMPLER_MANAGER_HOST_PORT"} {
		if found == "" {
			name, found = n, r.get(n)
		}
	}
	if host := r.get("JAEGER_AGENT_HOST"); found == "" && host != "" {
		found = "http://" + net.JoinHostPort(host, samplingPort) + "/sampling"
	}
	if found != "" {
		var ok bool
		if s.Endpoint, ok = samplingURL(found); !ok {
			r.wrong(name, found, "a URL, or host:port")
		}
	}
	return s
}

func (r *reader) reporter() ReporterSettings {
	s := ReporterSettings{
		LogSpans: r.truth("JAEGER_REPORTER_LOG_SPANS", false),
		Queue:    r.count("JAEGER_REPORTER_MAX_QUEUE_SIZE"),
		Interval: r.duration("JAEGER_REPORTER_FLUSH_INTERVAL", 0),
		Endpoint: r.get("JAEGER_ENDPOINT"),
		User:     r.get("JAEGER_USER"),
		Password: r.get("JAEGER_PASSWORD"),
		Resolve:  r.duration("JAEGER_REPORTER_ATTEMPT_RECONNECT_INTERVAL", reporter.DefaultResolve),
	}
	if r.truth("JAEGER_REPORTER_ATTEMPT_RECONNECTING_DISABLED", false) {
		s.Resolve = 0
	}
	if s.Endpoint != "" {
		if u, err := url.Parse(s.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			r.wrong("JAEGER_ENDPOINT", s.Endpoint, "a URL such as http://collector:14268/api/traces")
		}
		if s.User == "" && s.Password != "" {
			r.wrong("JAEGER_USER", "", "the user that JAEGER_PASSWORD belongs to")
		} else if s.User != "" && s.Password == "" {
			r.wrong("JAEGER_PASSWORD", "", "the password of JAEGER_USER")
		}
		return s
	}
	host, port := r.get("JAEGER_AGENT_HOST"), r.get("JAEGER_AGENT_PORT")
	if host == "" {
		host = defaultHost
	}
	if port == "" {
		port = agentPort
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		r.wrong("JAEGER_AGENT_PORT", port, "a port from 1 to 65535")
	}
	s.Agent = net.JoinHostPort(host, port)
	return s
}
