// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
)

// run is what one of them gave. Counts are of spans.
type run struct {
	Session, Machine      string
	Pair, Candidate, Mode string
	Round                 int

	Seconds          float64 // of sending
	ProcessorSeconds float64 // of the gateway, sending and draining
	Share            float64 // of its processor, while sending
	PeakMemory       int64   // resident, in bytes
	Allocations      float64 // on the heap for a span; of a bridge
	P50, P99         float64 // milliseconds until the answer

	Sent, Acknowledged, Delivered, Refused int64
	BytesOut, Checked, Faults              int64
	Fault                                  string `json:",omitempty"`
}

// cost is in processor seconds for a million spans that were delivered.
func (r *run) cost() float64 { return r.ProcessorSeconds / float64(max(1, r.Delivered)) * 1e6 }

// lost are spans that were acknowledged and did not arrive.
func (r *run) lost() int64 { return r.Acknowledged - r.Delivered }

// appendRuns adds lines to a file.
func appendRuns(path string, runs []run) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(f)
	for i := range runs {
		if err := encoder.Encode(&runs[i]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// lastRuns reads the runs of the newest session that each pair has.
func lastRuns(path string) ([]run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all, last []run
	newest := make(map[string]string)
	for decoder := json.NewDecoder(f); ; {
		var r run
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		newest[r.Pair] = max(newest[r.Pair], r.Session)
		all = append(all, r)
	}
	for _, r := range all {
		if r.Session == newest[r.Pair] {
			last = append(last, r)
		}
	}
	return last, nil
}

// fileName is a name for a file, made of any text.
func fileName(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(text)), "-")
}
