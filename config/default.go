// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Known is what the protocols bring: the names that settings may use.
type Known struct {
	Ports []Port
	Kinds []Kind
}

// Port is a receiver with its default address.
type Port struct {
	Name   string
	Listen string
	UDP    bool
	About  string
}

// Kind is a kind of target.
type Kind struct {
	Name string
	HTTP bool // its endpoint is a URL, otherwise host:port
	// Tenants: its requests may name a tenant.
	Tenants bool
	About   string
}

func (k Known) kind(name string) (Kind, bool) {
	for _, x := range k.Kinds {
		if x.Name == name {
			return x, true
		}
	}
	return Kind{}, false
}

func (k Known) kinds() (names []string) {
	for _, x := range k.Kinds {
		names = append(names, x.Name)
	}
	return names
}

// Default is the configuration without a file: every receiver on loopback, the
// view, no other target.
func Default(known Known) *Config {
	c := &Config{
		Receivers: make(map[string]*Receiver),
		Targets:   make(map[string]*Target),
		Limits: Limits{
			// Zipkin's own limit for a body is 10 MiB; SkyWalking's for a message 50.
			Body: 10 << 20, Inflated: 20 << 20, Message: 50 << 20,
			Spans: 1_000_000, Tags: 10_000, Text: 16 << 20,
			Connections: 5000, ConnectionsTotal: 10_000, Streams: 1000, StreamsTotal: 20_000,
			WhenFull:      "wait",
			HeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		},
		Tenant:   Tenant{Labels: 100},
		View:     View{Enabled: true, Memory: 200_000_000},
		Queue:    Queue{Decoded: 64 << 20, ForgetAfter: 24 * time.Hour, Dead: DeadLetters{MaxBytes: 256 << 20, MaxAge: 7 * 24 * time.Hour}},
		Sampling: Sampling{Gateway: 1},
		Admin:    Admin{Enabled: true, Listen: "127.0.0.1:9410"},
		Log:      Log{Level: "info", Format: "text"},
		Shutdown: Shutdown{Drain: 10 * time.Second},
	}
	for _, p := range known.Ports {
		c.Receivers[p.Name] = &Receiver{Enabled: true, Listen: p.Listen, WhenBusy: "auto"}
	}
	return c
}

// onDisk is the default of targets.NAME.queue.max_bytes with a queue on disk.
const onDisk Size = 4 << 30

// defaultTarget is a target with nothing set but its kind and endpoint.
func defaultTarget() *Target {
	return &Target{
		Enabled: true, Timeout: 10 * time.Second, Connections: 2,
		Batch: Batch{Spans: 1000, Bytes: 2 << 20, Linger: 200 * time.Millisecond},
		Retry: Retry{Initial: 500 * time.Millisecond, Max: 30 * time.Second},
		Queue: TargetQueue{MaxBytes: 256 << 20, WhenFull: "wait"},

		Residue: "exact",
		Window: Window{
			Hold: 2 * time.Second, Settle: time.Second, Longest: 5 * time.Second,
			MaxSpans: 300_000, MaxBytes: 128 << 20,
			Remember: time.Minute, MaxRemembered: 1_000_000,
		},
	}
}
