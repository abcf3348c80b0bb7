// SPDX-License-Identifier: Apache-2.0

package propagation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spanbridge/spanbridge/span"
)

// The headers of one call in SkyWalking's tongue and in others; the values are
// those of real agents and of the identity rules' golden table.
const (
	z      = "463ac35c9f6413ad48485a3953bb6124"
	sw8    = "1-NDYzYWMzNWM5ZjY0MTNhZDQ4NDg1YTM5NTNiYjYxMjQ=-ODM4MDU1MjgxNzYxYTNlODAwZjA2N2FhMGJhOTAyYjc=-0-ZnJvbnRlbmQ=-MTAuMC4wLjU=-R0VUOi9ob21l-b3JkZXI="
	java   = "56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001"
	javaID = "5741ef14a11c13bf5919387eb2d5b5f7"
)

func TestIdentify(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, err := Identify(in)
		if err != nil || got.String() != want {
			t.Errorf("%q: %s, %v, want %s", in, got, err, want)
		}
	}
	f(z, z)
	f(" "+z+"\n", z)
	f(strings.ToUpper(z), z)
	f("463ac35c9f6413ad", "463ac35c9f6413ad")
	f("1", "0000000000000001")
	f("de5980b8-fce3-4a37-aab9-b4ac3af7eedd", "de5980b8fce34a37aab9b4ac3af7eedd")
	f(java, javaID)
	f("b3: "+z+"-00f067aa0ba902b7-1", z)
	f(z+"-00f067aa0ba902b7", z)
	f(z+"-00f067aa0ba902b7-d-48485a3953bb6124", z)
	f(`"b3: `+z+`-00f067aa0ba902b7"`, z)
	f("X-B3-TraceId: 463ac35c9f6413ad", "463ac35c9f6413ad")
	f("traceparent: 00-"+z+"-00f067aa0ba902b7-01", z)
	f("00-"+z+"-00f067aa0ba902b7-01", z)
	f("cc-"+z+"-00f067aa0ba902b7-01-what-comes-later", z)
	f("uber-trace-id: "+z+":f067aa0ba902b7:0:1", z)
	f(z+":f067aa0ba902b7:0:1", z)
	f(z+"%3Af067aa0ba902b7%3A0%3A1", z)
	f("sw8: "+sw8, z)
	f(sw8, z)
	f(strings.ReplaceAll(sw8, "=", ""), z)
	for _, bad := range []string{"", "  ", "b3: 0", "b3: d", "sw8: 1-x", "traceparent: 00-0-0-0", "two words", "uber-trace-id: a:b", strings.Repeat("x", 200)} {
		if id, err := Identify(bad); err == nil {
			t.Errorf("%q: %s", bad, id)
		}
	}
}

func TestParse(t *testing.T) {
	f := func(parse func(string) (Context, error), in string, want Context) {
		t.Helper()
		got, err := parse(in)
		got.native, got.Long = native{}, false
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Context{})); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", in, err, diff)
		}
	}
	trace := span.TraceID{Hi: 0x463ac35c9f6413ad, Lo: 0x48485a3953bb6124}
	f(ParseB3, "0", Context{Sampling: Deny})
	f(ParseB3, "d", Context{Sampling: Debug})
	f(ParseB3, z+"-b-0-a", Context{Trace: trace, Span: 0xb, Parent: 0xa, Sampling: Deny})
	f(ParseB3, z+"-b", Context{Trace: trace, Span: 0xb})
	f(ParseB3, z+"-b-aa", Context{Trace: trace, Span: 0xb, Parent: 0xaa})
	f(ParseTraceparent, "00-"+z+"-00f067aa0ba902b7-00", Context{Trace: trace, Span: 0xf067aa0ba902b7, Sampling: Deny})
	f(ParseTraceparent, "00-"+z+"-00f067aa0ba902b7-03", Context{Trace: trace, Span: 0xf067aa0ba902b7, Sampling: Accept, Random: true})
	f(ParseUber, z+":b:0:3", Context{Trace: trace, Span: 0xb, Sampling: Debug})
	f(ParseUber, "1:b:a:0", Context{Trace: span.TraceID{Lo: 1}, Span: 0xb, Parent: 0xa, Sampling: Deny})
	f(ParseSW8, sw8, Context{Trace: trace, Span: 0x00f067aa0ba902b7, Sampling: Accept})
	f(ParseSW8, "0"+sw8[1:]+"-more", Context{Trace: trace, Span: 0x00f067aa0ba902b7, Sampling: Deny})
	for in, parse := range map[string]func(string) (Context, error){
		"":                                       ParseB3,
		"x":                                      ParseB3,
		z:                                        ParseB3,
		"-" + z + "-b":                           ParseB3,
		z + "-b-1-a-1":                           ParseB3,
		z + "-b-x-a":                             ParseB3,
		"00-" + z + "-00f067aa0ba902b7":          ParseTraceparent,
		"00-" + z + "-00f067aa0ba902b7-01-x":     ParseTraceparent,
		"ff-" + z + "-00f067aa0ba902b7-01":       ParseTraceparent,
		"zz-" + z + "-00f067aa0ba902b7-01":       ParseTraceparent,
		"00-" + strings.Repeat("0", 32) + "-1-1": ParseTraceparent,
		z + ":b:0:300":                           ParseUber,
		z + ":0:0:1":                             ParseUber,
		"1-a-b-c":                                ParseSW8,
		"1-------":                               ParseSW8,
		strings.Replace(sw8, "-0-", "--1-", 1):   ParseSW8,
		strings.Replace(sw8, "NDY", "!!!", 1):    ParseSW8,
	} {
		if c, err := parse(in); err == nil {
			t.Errorf("%q: %+v", in, c)
		}
	}
}
