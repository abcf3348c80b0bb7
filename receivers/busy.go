// SPDX-License-Identifier: Apache-2.0

package receivers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/spanbridge/spanbridge/translate"
)

// Busy is how clients by HTTP learn that the gateway is busy.
type Busy string

// The ways.
const (
	// BusyAuto answers, but breaks the connection of clients that keep what they
	// sent after that alone: those that the route names.
	BusyAuto Busy = "auto"
	// BusyAnswer answers everybody.
	BusyAnswer Busy = "answer"
	// BusyBreak breaks everybody's connection.
	BusyBreak Busy = "break"
)

// breaks cuts the connection off instead of an answer, for those for whom that is
// better. It does not return then.
func (b Busy) breaks(o translate.Outcome, r *http.Request, route translate.HTTPRoute) {
	if o.Verdict != translate.Busy {
		return
	}
	client := r.UserAgent()
	if b == BusyBreak || b != BusyAnswer && slices.ContainsFunc(route.Breaks, func(begin string) bool { return strings.HasPrefix(client, begin) }) {
		panic(http.ErrAbortHandler)
	}
}
