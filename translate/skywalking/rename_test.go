// SPDX-License-Identifier: Apache-2.0

package skywalking

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"
	agentv3 "skywalking.apache.org/repo/goapi/collect/language/agent/v3"
	managementv3 "skywalking.apache.org/repo/goapi/collect/management/v3"
)

func unchanged(name string) string { return name }

func plus(s string) func(string) string { return func(name string) string { return name + s } }

// The names change at their places, all else stays: checked against the
// published messages, on what real agents sent.
func TestRenameSegment(t *testing.T) {
	t.Parallel()
	callers := 0
	for _, name := range []string{"java", "go2sky", "python"} {
		for _, want := range segmentsOf(t, name) {
			in := marshal(t, want)
			if got := RenameSegment(nil, in, unchanged, unchanged); !bytes.Equal(got, in) {
				t.Errorf("%s: without other names: %x, want %x", name, got, in)
			}
			want.Service += "-s"
			want.ServiceInstance += "-i"
			for _, s := range want.Spans {
				for _, r := range s.Refs {
					r.ParentService += "-s"
					r.ParentServiceInstance += "-i"
					callers++
				}
			}
			got := &agentv3.SegmentObject{}
			out := RenameSegment([]byte("before"), in, plus("-s"), plus("-i"))
			if err := proto.Unmarshal(bytes.TrimPrefix(out, []byte("before")), got); err != nil || !proto.Equal(want, got) {
				t.Errorf("%s: %v, %v, want %v", name, err, got, want)
			}
		}
	}
	if callers == 0 {
		t.Error("no segment names a caller")
	}
}

func TestRenameNotice(t *testing.T) {
	t.Parallel()
	f := func(in, want, got proto.Message) {
		t.Helper()
		out := RenameNotice(nil, marshal(t, in), plus("-s"), plus("-i"))
		if err := proto.Unmarshal(out, got); err != nil || !proto.Equal(want, got) {
			t.Errorf("%v, %v, want %v", err, got, want)
		}
	}
	f(&managementv3.InstancePingPkg{Service: "a", ServiceInstance: "b", Layer: "GENERAL"},
		&managementv3.InstancePingPkg{Service: "a-s", ServiceInstance: "b-i", Layer: "GENERAL"}, &managementv3.InstancePingPkg{})
	f(&managementv3.InstanceProperties{Service: "a", ServiceInstance: "b", Layer: "GENERAL"},
		&managementv3.InstanceProperties{Service: "a-s", ServiceInstance: "b-i", Layer: "GENERAL"}, &managementv3.InstanceProperties{})
	for _, broken := range []string{"\x0a\x05a", "\x0a\x01a\xff"} {
		if got := RenameNotice(nil, []byte(broken), plus("-s"), plus("-i")); string(got) != broken {
			t.Errorf("%q: %q", broken, got)
		}
	}
}

func FuzzRenameSegment(f *testing.F) {
	for _, s := range segmentsOf(f, "go2sky") {
		f.Add(marshal(f, s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		was, now := &agentv3.SegmentObject{}, &agentv3.SegmentObject{}
		if proto.Unmarshal(in, was) != nil {
			_ = RenameSegment(nil, in, plus("-s"), plus("-i"))
			return
		}
		if err := proto.Unmarshal(RenameSegment(nil, in, unchanged, unchanged), now); err != nil || !proto.Equal(was, now) {
			t.Fatalf("%v: %v, want %v", err, now, was)
		}
	})
}

func BenchmarkRenameSegment(b *testing.B) {
	in := marshal(b, segmentsOf(b, "java")[0])
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = RenameSegment(buf[:0], in, unchanged, unchanged)
	}
}
