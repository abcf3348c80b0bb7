// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/internal/metrics"
	"github.com/spanbridge/spanbridge/propagation"
	"github.com/spanbridge/spanbridge/tracer"
)

// Route is an address to listen at and where its requests go: an http or https
// URL, whose path is put in front of the request's.
type Route struct {
	Address string
	To      *url.URL
}

// ParseRoute reads ADDRESS=URL.
func ParseRoute(s string) (Route, error) {
	address, to, ok := strings.Cut(s, "=")
	if !ok {
		return Route{}, fmt.Errorf("route %q, want ADDRESS=URL, such as 127.0.0.1:8090=http://orders:8080", s)
	}
	u, err := ParseTarget(to)
	return Route{Address: address, To: u}, err
}

// ParseTarget reads the URL of a service.
func ParseTarget(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q, want a URL such as http://127.0.0.1:8080", s)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q, want a URL with http or https and a host, such as http://127.0.0.1:8080", s)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return nil, fmt.Errorf("%q, want a URL without user, query and fragment", s)
	}
	return u, nil
}

// Version says by which version of HTTP a service is called.
type Version string

// Versions. Calls of gRPC are always HTTP/2, and TLS settles the version with
// the service.
const (
	SameVersion Version = "same" // as the caller's
	HTTP1       Version = "http1"
	H2C         Version = "h2c"
)

// Timeouts of a proxy. Nothing bounds the length of a request, an answer or a
// stream as a whole.
type Timeouts struct {
	Dial time.Duration // to connect, TLS included
	// Response is how long a service may take from the end of a request to the
	// head of its answer; 0 for no bound. It does not hold for gRPC, whose servers
	// may send the head with the first message and whose clients bring deadlines.
	Response time.Duration
	// Header is how long a caller may take to send the head of a request.
	Header time.Duration
	// Idle is how long a caller's connection may stay open without a request.
	Idle time.Duration
	// ServiceIdle is how long a connection to a service is kept for the next
	// request. It should be less than the service's own time, or a request may
	// meet a connection that is just being closed: servers in Node.js and uvicorn
	// close after 5 s.
	ServiceIdle time.Duration
}

// Options of a proxy.
type Options struct {
	Inbound  []Route // to the service
	Outbound []Route // of the service, to one other service each
	Forward  string  // of the service, as HTTP_PROXY names it; empty for none

	// Inward is what the service understands, Outward what those understand that
	// it calls.
	Inward, Outward []propagation.Format

	// Service and Instance are the service's names in SkyWalking's words; Caller
	// stands for a caller whose own headers do not say its name.
	Service, Instance, Caller string

	Remember    int           // traces
	RememberFor time.Duration // since they were last seen

	// DataField is the name of the field of JSON bodies and queries that carries
	// headers, such as sanic_zipkin's zipkin_headers; empty for none. Bodies over
	// DataLimit bytes are left as they are.
	DataField string
	DataLimit int64

	// Spans takes a span for each request, if it is set; SpansHost is the host and
	// port that they go to, whose requests have none. Sampler decides about traces
	// on which nobody has decided; nil samples all.
	Spans     tracer.Reporter
	SpansHost string
	Sampler   tracer.Sampler

	Version   Version
	Forwarded Forwarded
	Timeouts  Timeouts
	MaxHeader int // bytes of a request's or an answer's head

	// Metrics is for the program that serves them; nil counts for nobody. Log nil
	// is slog's default.
	Metrics *metrics.Proxy
	Log     *slog.Logger
}

// Defaults of the options.
const (
	DefaultRemember    = 10_000
	DefaultRememberFor = 10 * time.Minute
	DefaultDataLimit   = 1 << 20
	DefaultMaxHeader   = 64 << 10
)

// DefaultTimeouts are for services that answer within five minutes.
var DefaultTimeouts = Timeouts{
	Dial: 10 * time.Second, Response: 5 * time.Minute, Header: 30 * time.Second, Idle: 2 * time.Minute, ServiceIdle: 4 * time.Second,
}

// Check says what is wrong with the options, and fills what is open. New does
// it as well.
func (o *Options) Check() error {
	switch {
	case len(o.Inbound) == 0 && len(o.Outbound) == 0 && o.Forward == "":
		return errors.New("nothing to do: want a port for requests to the service, or of the service")
	case len(o.Inbound) > 0 && len(o.Inward) == 0:
		return errors.New("no inward format: say what the service understands")
	case (len(o.Outbound) > 0 || o.Forward != "") && len(o.Outward) == 0:
		return errors.New("no outward format: say what those understand that the service calls")
	}
	if o.Spans != nil && o.Service == "" {
		return errors.New("spans need the name of the service")
	}
	for _, f := range slices.Concat(o.Inward, o.Outward) {
		if !slices.Contains(propagation.AllFormats(), f) {
			return fmt.Errorf("header format %s can be read but not written", f)
		}
	}
	addresses := o.addresses()
	for i, address := range addresses {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("address %q to listen at, want host:port, such as 127.0.0.1:8081", address)
		}
		if port != "0" && slices.Contains(addresses[:i], address) {
			return fmt.Errorf("address %s is given twice, want another one for each port", address)
		}
	}
	for _, r := range slices.Concat(o.Inbound, o.Outbound) {
		if reaches(hostPort(r.To), r.Address) {
			return fmt.Errorf("%s would send its requests to itself, by %s", r.Address, r.To)
		}
		if r.To.Scheme != "http" && r.To.Scheme != "https" {
			return fmt.Errorf("%s: scheme %q, want http or https", r.To, r.To.Scheme)
		}
	}
	if err := checkDataField(o.DataField); err != nil {
		return err
	}
	if o.Remember <= 0 {
		o.Remember = DefaultRemember
	}
	if o.RememberFor <= 0 {
		o.RememberFor = DefaultRememberFor
	}
	if o.DataLimit <= 0 {
		o.DataLimit = DefaultDataLimit
	}
	if o.MaxHeader <= 0 {
		o.MaxHeader = DefaultMaxHeader
	}
	if o.Version == "" {
		o.Version = SameVersion
	}
	if o.Forwarded == "" {
		o.Forwarded = AppendForwarded
	}
	return nil
}

// addresses are all that are listened at.
func (o *Options) addresses() (list []string) {
	for _, r := range slices.Concat(o.Inbound, o.Outbound) {
		list = append(list, r.Address)
	}
	if o.Forward != "" {
		list = append(list, o.Forward)
	}
	return list
}

// hostPort is the address of a URL.
func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// reaches is true if whoever connects to target gets to who listens at address,
// as far as can be told without asking for names.
func reaches(target, address string) bool {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		host, port = strings.Trim(target, "[]"), "80"
	}
	at, atPort, err := net.SplitHostPort(address)
	if err != nil || port != atPort || port == "0" {
		return false
	}
	if strings.EqualFold(host, at) {
		return true
	}
	// Nothing before the colon, or an address of zeros, is every address.
	ip, atIP := net.ParseIP(host), net.ParseIP(at)
	every := at == "" || atIP != nil && atIP.IsUnspecified()
	here := host == "" || strings.EqualFold(host, "localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
	switch {
	case every:
		return here
	case strings.EqualFold(at, "localhost") || atIP != nil && atIP.IsLoopback():
		// Other addresses of loopback are other places.
		return here && (ip == nil || ip.IsUnspecified() || atIP == nil || ip.Equal(atIP))
	}
	return ip != nil && ip.Equal(atIP)
}

// IsLoopback is true for an address that only this machine can reach.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
