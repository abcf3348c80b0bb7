// SPDX-License-Identifier: Apache-2.0

package receivers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/receivers"
)

// Limits hold for spans that are outlined, and are told of in the same words.
func TestLimitsOfOutlines(t *testing.T) {
	t.Parallel()
	answers := make(map[bool][]string)
	for _, outline := range []bool{false, true} {
		b := start(t, func(o *receivers.Options) {
			o.Limits.Tags, o.Limits.Text = 3, 1024
			o.Outline = func(format string) bool { return outline && format == "zipkin.v2.json" }
		})
		taken := 0
		for _, tags := range []string{
			`"a":"1","b":"2"`, `"a":"1","b":"2","c":"3"`, `"a":"` + strings.Repeat("x", 1025) + `"`, `"` + strings.Repeat("x", 1025) + `":""`,
			`"a":"` + strings.Repeat("x", 1024) + `"`, `"error":"` + strings.Repeat("x", 1025) + `"`,
		} {
			one := `{"traceId":"000000000000000a","id":"000000000000000b","name":"get","annotations":[{"timestamp":1,"value":"v"}],"tags":{%s}}`
			status, _, body := b.post(t, b.url("zipkin", "/api/v2/spans"), strings.NewReader("["+fmt.Sprintf(one, "")+","+fmt.Sprintf(one, tags)+"]"))
			answers[outline] = append(answers[outline], fmt.Sprint(status, " ", body))
			if status == http.StatusAccepted {
				taken++
				if last := b.sink.last(); (last.Outline() != nil) != outline || last.Spans()[1].Attrs.Len() > 0 == outline {
					t.Errorf("outlined %v, want %v", last.Outline() != nil, outline)
				}
			}
		}
		if taken != 2 {
			t.Errorf("%d of them were taken: %q", taken, answers[outline])
		}
	}
	if got, want := fmt.Sprint(answers[true]), fmt.Sprint(answers[false]); got != want {
		t.Errorf("in outline: %s\nin full:    %s", got, want)
	}
}
