// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// lifeHeader says in every request to a target which life of the bridge has sent it.
const lifeHeader = "soak-life"

// flight is, for one target, what was in flight when a life of the bridge ended, and
// what came twice by that. Lives are numbered from 1 on.
//
// In flight at the end of a life is a span that the target has taken, from that life
// or an earlier one, and that the queue on disk still holds for it: of which the
// bridge does not know that it was taken. The next life sends it again, which nobody
// can help. A span that comes again in a later life and was not in flight at the end
// of the life before is a fault.
type flight struct {
	last     []uint16 // by number: the life from which the span came last
	heldAt   []uint16 // the last end of a life at which the queue held it
	inFlight []int    // by life: at its end
	again    []int    // by life: what came again because of its end
	// back counts spans that a target was through with at one end and not at a later
	// one: the place of a cursor went back.
	back int
}

func (f *flight) draw() {
	f.last = append(f.last, 0)
	f.heldAt = append(f.heldAt, 0)
}

// arrive notes that a span came from a life.
func (f *flight) arrive(number, life int) {
	last := int(f.last[number])
	switch {
	case last == 0 && life > 0:
		// Later than the end of its life, from a network that was slow.
		for end := life; end <= int(f.heldAt[number]); end++ {
			f.inFlight[end]++
		}
	case last < life:
		f.at(life - 1)
		f.again[life-1]++
	case last > life:
		// The life after was quicker: its own was the second time.
		f.at(last - 1)
		for end := life; end < last && end <= int(f.heldAt[number]); end++ {
			f.inFlight[end]++
		}
		f.again[last-1]++
	}
	f.last[number] = uint16(max(last, life))
}

func (f *flight) at(life int) {
	for len(f.inFlight) <= life {
		f.inFlight = append(f.inFlight, 0)
		f.again = append(f.again, 0)
	}
}

// hold notes that the queue holds a span at the end of a life.
func (f *flight) hold(number, life int) {
	f.at(life)
	if last := int(f.last[number]); last > 0 {
		f.inFlight[life]++
		if last < life && int(f.heldAt[number]) < life-1 {
			f.back++
		}
	}
	f.heldAt[number] = uint16(life)
}

// soakFlightRow is what the ends of the lives cost one target.
type soakFlightRow struct {
	Target string `json:"target"`
	// Ends are those at which something was in flight, by the life that ended.
	Ends []soakEnd `json:"ends"`
	// InFlight and Again are the sums, Most is the most at one end.
	InFlight int `json:"in_flight"`
	Most     int `json:"most"`
	Again    int `json:"again"`
	Back     int `json:"went_back"`
}

type soakEnd struct {
	Life     int `json:"life"`
	InFlight int `json:"in_flight"`
	Again    int `json:"again"`
}

func (f *flight) row(target string) soakFlightRow {
	r := soakFlightRow{Target: target, Back: f.back, Ends: []soakEnd{}}
	for life := range f.inFlight {
		e := soakEnd{Life: life, InFlight: f.inFlight[life], Again: f.again[life]}
		if e.InFlight+e.Again > 0 {
			r.Ends = append(r.Ends, e)
		}
		r.InFlight += e.InFlight
		r.Again += e.Again
		r.Most = max(r.Most, e.InFlight)
	}
	return r
}

// judge is nil when nothing came again that was not in flight.
func (r *soakFlightRow) judge() error {
	for _, e := range r.Ends {
		if e.Again > e.InFlight {
			return fmt.Errorf("%d spans came to %s again after the end of life %d, and only %d were in flight", e.Again, r.Target, e.Life, e.InFlight)
		}
	}
	if r.Back > 0 {
		return fmt.Errorf("the place of %s in the queue went back over %d spans that it was through with", r.Target, r.Back)
	}
	return nil
}

func (r *soakReport) printFlights(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tIN FLIGHT WHEN A LIFE ENDED\tTHE MOST AT ONE END\tAGAIN BECAUSE OF THAT")
	for _, x := range r.Flights {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", x.Target, x.InFlight, x.Most, x.Again)
	}
	_ = w.Flush()
	fmt.Fprintln(out, "\nin flight: the target had it, and the queue on disk still held it for the target.")
}

// lifeOf reads the life from a request.
func lifeOf(header func(string) string) int {
	n, _ := strconv.Atoi(header(lifeHeader))
	return n
}
