// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// oapCase is a few segments made by hand, in waves: what is in a later wave is
// sent when the earlier one is stored and OAP knows its address aliases.
type oapCase struct {
	ID       string
	Title    string
	Services []string
	Traces   []string
	Waves    map[string][]map[string]any
	// Manage are management messages to send first: the end of the path and
	// the body.
	Manage [][2]json.RawMessage
	// Via "http": the status of each segment is an answer, too.
	Via string
	// Ignore are answers that differ from run to run.
	Ignore []string
}

func (c *oapCase) lastWave() (last int) {
	for w := range c.Waves {
		n, _ := strconv.Atoi(w)
		last = max(last, n)
	}
	return last
}

// readJSON reads a file of testdata.
func readJSON(t *testing.T, file string, to any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, to); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// O6: OAP 10.1.0 makes of hand-made segments what the layout of converted spans
// was chosen for: how it joins them, which services, endpoints and metrics they
// make, which values lose a segment. A difference means that another OAP needs
// another layout.
func TestO6OAPCases(t *testing.T) {
	var cases []*oapCase
	readJSON(t, "testdata/oap/cases.json", &cases)
	var expect map[string]map[string]any
	readJSON(t, "testdata/oap/expect.json", &expect)
	now := time.Now()
	base := now.Add(-90*time.Second).UnixMilli()/60_000*60_000 + 5_000
	if now.UTC().Add(75*time.Minute).Day() != now.UTC().Day() {
		// One hour ahead is tomorrow, of which OAP has no table yet.
		cases = slices.DeleteFunc(cases, func(c *oapCase) bool { return c.ID == "c7m" })
	}

	o := &oapAnswers{OAP: lab.StartOAP(t), base: base, status: make(map[string][]any)}
	for _, c := range cases {
		for _, m := range c.Manage {
			var path string
			if err := json.Unmarshal(m[0], &path); err != nil {
				t.Fatal(err)
			}
			o.status[c.ID] = append(o.status[c.ID], float64(o.send(t, "/v3/management/"+path, m[1])))
		}
	}
	last := 0
	for _, c := range cases {
		last = max(last, c.lastWave())
	}
	for wave := 1; wave <= last; wave++ {
		for _, c := range cases {
			for _, segment := range c.Waves[strconv.Itoa(wave)] {
				body, err := json.Marshal(shifted(t, segment, base))
				if err != nil {
					t.Fatal(err)
				}
				if code := o.send(t, "/v3/segment", body); c.Via == "http" {
					o.status[c.ID] = append(o.status[c.ID], float64(code))
				}
			}
		}
		lab.Eventually(t, visible, fmt.Sprintf("wave %d", wave), func(ctx context.Context) error {
			for _, c := range cases {
				if c.lastWave() != wave {
					continue
				}
				if err := o.stored(ctx, c, expect[c.ID]); err != nil {
					return err
				}
			}
			if wave > 1 {
				return nil
			}
			return o.knowsAliases(ctx, "c5b", "c5f", "c5k")
		})
	}

	differences := make(map[string]string)
	check := func(ctx context.Context) error {
		seen, err := o.seen(ctx)
		if err != nil {
			return err
		}
		for _, c := range cases {
			if diff, asked := differences[c.ID]; asked && diff == "" {
				continue // it was right before
			}
			got, err := seen.of(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.ID, err)
			}
			want := expect[c.ID]
			for _, key := range c.Ignore {
				delete(want, key)
				delete(got, key)
			}
			differences[c.ID] = difference("", want, plain(got))
		}
		for id, diff := range differences {
			if diff != "" {
				return fmt.Errorf("%s differs", id)
			}
		}
		return nil
	}
	// Metrics come a little after the segments, so a difference is asked again.
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	err := check(ctx)
	for err != nil && ctx.Err() == nil {
		err = check(ctx)
	}
	if err == nil {
		return
	}
	t.Error(err)
	for _, c := range cases {
		if diff := differences[c.ID]; diff != "" {
			t.Errorf("%s, %s:\n%s", c.ID, c.Title, diff)
		}
	}
}

// shifted is a segment with its times, which are given from base on.
func shifted(t *testing.T, segment map[string]any, base int64) map[string]any {
	t.Helper()
	for _, s := range segment["spans"].([]any) {
		s := s.(map[string]any)
		for _, key := range []string{"startTime", "endTime"} {
			v := s[key].(string)
			if v[0] != '+' && v[0] != '-' {
				continue
			}
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			s[key] = strconv.FormatInt(base+n, 10)
		}
	}
	return segment
}

// difference lists what differs between two values as JSON reads them.
func difference(place string, want, got any) string {
	w, ok := want.(map[string]any)
	g, ok2 := got.(map[string]any)
	if !ok || !ok2 {
		if reflect.DeepEqual(want, got) {
			return ""
		}
		a, _ := json.Marshal(want)
		b, _ := json.Marshal(got)
		return fmt.Sprintf("%s\n  want %s\n  got  %s\n", place, a, b)
	}
	keys := make(map[string]bool)
	for _, m := range []map[string]any{w, g} {
		for k := range m {
			keys[k] = true
		}
	}
	var out strings.Builder
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		out.WriteString(difference(place+"/"+k, w[k], g[k]))
	}
	return out.String()
}

// plain is a value as JSON reads it.
func plain(v any) (out any) {
	text, _ := json.Marshal(v)
	_ = json.Unmarshal(text, &out)
	return out
}

// oapAnswers asks an OAP for all that the cases are about.
type oapAnswers struct {
	*lab.OAP
	base   int64            // ms
	status map[string][]any // of what was sent by HTTP, by case
}

// send posts a body and gives the status.
func (o *oapAnswers) send(t *testing.T, path string, body []byte) int {
	t.Helper()
	res, err := http.Post(o.URL+path, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// stored is nil when the traces of a case have as many spans as they should.
func (o *oapAnswers) stored(ctx context.Context, c *oapCase, want map[string]any) error {
	for _, trace := range c.Traces {
		expected, ok := want[traceKey(trace)].(map[string]any)
		if !ok {
			continue
		}
		spans, err := o.Trace(ctx, trace)
		if err != nil {
			return fmt.Errorf("%s: %w", c.ID, err)
		}
		if n, _ := expected["spans"].(float64); float64(len(spans)) != n {
			return fmt.Errorf("%s: %d spans, want %v", c.ID, len(spans), n)
		}
	}
	return nil
}

// knowsAliases is nil when OAP has read which service each address stands for.
func (o *oapAnswers) knowsAliases(ctx context.Context, cases ...string) error {
	topology, err := o.Topology(ctx)
	if err != nil {
		return err
	}
	lines := topology.Lines()
	for _, id := range cases {
		if want := id + "-fe→" + id + "-order CLIENT+SERVER"; !slices.Contains(lines, want) {
			return fmt.Errorf("no line %q", want)
		}
	}
	return nil
}

func traceKey(trace string) string {
	if len(trace) < 70 {
		return "trace " + trace
	}
	return "trace " + trace[:10] + "..."
}
