// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	managementv3 "skywalking.apache.org/repo/goapi/collect/management/v3"

	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/span/spantest"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const received = 1_795_238_000_000_000_000 // in the days of the samples

func originOf(format string) span.Origin {
	return span.Origin{Format: format, Transport: "grpc", Received: received}
}

// marshal writes a message as agents do: fields in order.
func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	p, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// collection joins segments as a receiver joins the messages of a stream.
func collection(t testing.TB, segments ...*agentv3.SegmentObject) []byte {
	t.Helper()
	return marshal(t, &agentv3.SegmentCollection{Segments: segments})
}

var sampleHead = regexp.MustCompile(`(?m)^# (\S+)  \(skywalking\.v3\.(\w+), (\d+) bytes\)$`)

// sample reads the messages of a file in testdata/samples.
func sample(t testing.TB, name string) (messages []proto.Message) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "samples", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	heads := sampleHead.FindAllSubmatchIndex(text, -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		var m proto.Message
		switch kind := string(text[h[4]:h[5]]); kind {
		case "SegmentObject":
			m = &agentv3.SegmentObject{}
		case "InstanceProperties":
			m = &managementv3.InstanceProperties{}
		case "InstancePingPkg":
			m = &managementv3.InstancePingPkg{}
		default:
			t.Fatalf("%s: a %s", name, kind)
		}
		if err := prototext.Unmarshal(text[h[1]:end], m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		size, _ := strconv.Atoi(string(text[h[6]:h[7]]))
		// The dump of the Java agent's properties had a path cut out.
		if got := len(marshal(t, m)); got != size && !strings.Contains(string(text[h[1]:end]), "agent.jar") {
			t.Fatalf("%s: message %d has %d bytes, the agent's had %d", name, i+1, got, size)
		}
		messages = append(messages, m)
	}
	if len(messages) == 0 {
		t.Fatalf("%s: no messages", name)
	}
	return messages
}

// segmentsOf are the segments of a sample.
func segmentsOf(t testing.TB, name string) (segments []*agentv3.SegmentObject) {
	t.Helper()
	for _, m := range sample(t, name) {
		segments = append(segments, m.(*agentv3.SegmentObject))
	}
	return segments
}

var sampleNames = []string{"java", "python", "go2sky", "mixed"}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, name := range sampleNames {
		body := collection(t, segmentsOf(t, name)...)
		file := filepath.Join("testdata", "samples", name+".bin")
		if *update {
			if err := os.WriteFile(file, body, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		stored, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stored, body) {
			t.Errorf("%s is not what %s.txt says", file, name)
		}
		golden(t, name, decode(t, formatSegments, stored))
	}
}

func TestManagementSamples(t *testing.T) {
	t.Parallel()
	var dump strings.Builder
	for _, m := range sample(t, "management") {
		format := formatProperties
		if _, ok := m.(*managementv3.InstancePingPkg); ok {
			format = formatPing
		}
		dump.WriteString(spantest.Dump(decode(t, format, marshal(t, m))))
	}
	goldenText(t, "management", dump.String())
}

// decode decodes a body in which there is nothing wrong.
func decode(t testing.TB, format string, body []byte) *span.Batch {
	t.Helper()
	b, err := tryDecode(format, body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tryDecode(format string, body []byte) (*span.Batch, error) {
	for _, f := range Protocol.Formats {
		if f.Name == format {
			return f.Decode(body, originOf(format))
		}
	}
	panic("no format " + format)
}

// golden compares a batch with the one in testdata.
func golden(t testing.TB, name string, b *span.Batch) {
	t.Helper()
	goldenText(t, name, spantest.Dump(b))
}

func goldenText(t testing.TB, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txtar")
	if *update {
		a := &txtar.Archive{
			Comment: []byte("The batch that testdata/samples/" + name + ".txt gives.\n"),
			Files:   []txtar.File{{Name: "batch.txt", Data: []byte(got)}},
		}
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(a.Files[0].Data), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
