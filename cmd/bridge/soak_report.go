// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"text/tabwriter"
	"time"
)

// soakReport is what became of every span.
type soakReport struct {
	Seed    uint64        `json:"seed"`
	Data    string        `json:"data"`
	Seconds float64       `json:"seconds"`
	Ways    []soakWayRow  `json:"ways"`
	Targets []soakGoalRow `json:"targets"`
	// Kills and Broken are how often what was done. NotDone is what could not be
	// done on this machine, and why.
	Kills   int               `json:"kills"`
	Broken  map[string]int    `json:"broken"`
	NotDone map[string]string `json:"not_done"`
	Flips   []soakFlip        `json:"flips"`
	// SlowestStart is from the start of the process until it was ready,
	// SlowestRecovery from when there was room on the disk again until the next span
	// was acknowledged; in seconds.
	SlowestStart    float64 `json:"slowest_start"`
	SlowestRecovery float64 `json:"slowest_recovery"`
	// Flights is what was in flight when a life of the bridge ended, and came again.
	Flights []soakFlightRow `json:"flights"`
	// Datagrams is the account of UDP.
	Datagrams *soakDatagrams `json:"datagrams"`
	// Dead is the target that was dead, Outage what was noticed of it.
	Dead   string      `json:"dead,omitempty"`
	Outage *soakOutage `json:"outage,omitempty"`
	// Ledger is the account that the last life of the bridge gave.
	Ledger *ledger  `json:"ledger"`
	Lost   []string `json:"lost"` // the first of them
}

// soakWayRow is the account of one way in.
type soakWayRow struct {
	Way    string `json:"way"`
	Silent bool   `json:"silent"` // by UDP: nothing is acknowledged
	Sent   int    `json:"sent"`
	Acked  int    `json:"acknowledged"`
	// Arrived is how many of the acknowledged ones, or of those sent by UDP, came to
	// every target.
	Arrived int `json:"arrived"`
	Lost    int `json:"lost"` // acknowledged, and lost to at least one target
}

// soakGoalRow is the account of one target. Each acknowledged span is in one of
// Arrived, Damaged, Refused, Held and Lost.
type soakGoalRow struct {
	Target  string `json:"target"`
	Acked   int    `json:"acknowledged"`
	Arrived int    `json:"arrived"`
	Damaged int    `json:"damaged"` // in a record of which a bit was flipped
	Refused int    `json:"refused"` // by the target
	Held    int    `json:"held"`    // still in the queue
	Lost    int    `json:"lost"`
	// Twice is how many came once more than needed, Unasked how many came though
	// their sender was not told so, or was told the contrary; not by UDP.
	Twice   int `json:"twice"`
	Unasked int `json:"unasked"`
	Spoiled int `json:"spoiled"` // came otherwise than they were sent
}

// soakFlip is a bit that was changed on disk.
type soakFlip struct {
	Segment string `json:"segment"`
	Record  uint64 `json:"record"`
	Offset  int64  `json:"offset"`
	Spans   int    `json:"spans"`
}

// account waits until the targets have everything, ends the bridge and makes the
// account.
func (k *soak) account(ctx context.Context) (*soakReport, error) {
	// An interrupt ends the sending, not the account.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.cmd.Settle)
	defer cancel()
	if k.bridge.died() != nil { // by the interrupt, if it was one for all
		if err := k.restart(ctx); err != nil {
			return nil, err
		}
	}
	k.say("the targets get what is left")
	for {
		l, err := askLedger(ctx, http.DefaultClient, "http://"+k.bridge.admin)
		if err != nil && ctx.Err() == nil {
			return nil, errors.Join(err, k.bridge.died())
		}
		if err == nil {
			k.report.Ledger = l
			held := int64(0)
			for i := range l.Targets {
				held += l.Targets[i].Held
			}
			if held == 0 && l.Agree {
				break // what is missing now does not come any more
			}
		}
		if !sleep(ctx, 200*time.Millisecond) {
			break
		}
	}
	if err := k.countDatagrams(ctx); err != nil {
		return nil, err
	}
	if k.book.delays != nil {
		peak, err := peakMemory(k.bridge.cmd.Process.Pid)
		if err != nil {
			k.report.NotDone["peak of memory"] = err.Error()
		}
		k.report.Outage = &soakOutage{Peak: peak, Memory: soakMemory}
	}
	err := k.bridge.stop()
	if err2 := heldNumbers(k.bridge.queue, k.book.hold); err2 != nil {
		return nil, errors.Join(err, err2)
	}
	k.report.Seconds = time.Since(k.began).Seconds()
	k.report.fill(k.book, k.ways)
	return &k.report, err
}

// mostNamed is how many lost spans are named.
const mostNamed = 20

// fill makes the tables.
func (r *soakReport) fill(b *soakBook, ways []soakWay) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range ways {
		r.Ways = append(r.Ways, soakWayRow{Way: w.name, Silent: w.silent})
	}
	for _, t := range b.targets {
		r.Targets = append(r.Targets, soakGoalRow{Target: t.name, Spoiled: t.spoiled + t.foreign})
		r.Flights = append(r.Flights, t.flight.row(t.name))
	}
	if b.delays != nil && r.Outage != nil {
		r.Outage.Delays = b.delays.rows(b.targets)
	}
	for i := 1; i < len(b.way); i++ {
		way := &r.Ways[b.way[i]]
		way.Sent++
		acked := b.acked[i] && !way.Silent
		everywhere, lost := true, false
		for j, t := range b.targets {
			row := &r.Targets[j]
			came := int(t.came[i])
			everywhere = everywhere && came > 0
			row.Twice += max(0, came-1)
			if !acked {
				if came > 0 && !way.Silent {
					row.Unasked++
				}
				continue
			}
			row.Acked++
			switch {
			case came > 0:
				row.Arrived++
			case b.damaged[i]:
				row.Damaged++
			case t.refused[i]:
				row.Refused++
			case t.held[i]:
				row.Held++
			default:
				row.Lost++
				lost = true
				if len(r.Lost) < mostNamed {
					r.Lost = append(r.Lost, fmt.Sprintf("%s, sent by %s, to %s", numberedName(i), way.Way, t.name))
				}
			}
		}
		if acked {
			way.Acked++
		}
		if everywhere && (acked || way.Silent) {
			way.Arrived++
		}
		if lost {
			way.Lost++
		}
	}
}

// judge is nil when every acknowledged span is accounted for.
func (r *soakReport) judge() error {
	var faults []error
	for _, t := range r.Targets {
		if t.Lost > 0 {
			faults = append(faults, fmt.Errorf("%d acknowledged spans are lost to %s", t.Lost, t.Target))
		}
		if t.Spoiled > 0 {
			faults = append(faults, fmt.Errorf("%d spans came to %s otherwise than they were sent", t.Spoiled, t.Target))
		}
	}
	for _, f := range r.Flights {
		faults = append(faults, f.judge())
	}
	if r.Datagrams != nil {
		faults = append(faults, r.Datagrams.judge())
	}
	if r.Outage != nil {
		faults = append(faults, r.judgeOutage())
	}
	switch l := r.Ledger; {
	case l == nil:
		faults = append(faults, errors.New("the bridge gave no account"))
	case !l.Agree:
		faults = append(faults, errors.New("the bridge's own account does not agree"))
	case l.Panics > 0:
		faults = append(faults, fmt.Errorf("%d panics were caught", l.Panics))
	}
	return errors.Join(faults...)
}

func (r *soakReport) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SENT BY\tSENT\tACKNOWLEDGED\tNOT TAKEN\tARRIVED EVERYWHERE\tLOST")
	for _, x := range r.Ways {
		if x.Silent {
			fmt.Fprintf(w, "%s\t%d\t-\t-\t%d\t-\n", x.Way, x.Sent, x.Arrived)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", x.Way, x.Sent, x.Acked, x.Sent-x.Acked, x.Arrived, x.Lost)
	}
	_ = w.Flush()
	fmt.Fprintln(out)
	fmt.Fprintln(w, "TARGET\tACKNOWLEDGED\tARRIVED\tDAMAGED\tREFUSED\tHELD\tLOST\tAGAIN\tUNASKED\tSPOILED")
	for _, x := range r.Targets {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
			x.Target, x.Acked, x.Arrived, x.Damaged, x.Refused, x.Held, x.Lost, x.Twice, x.Unasked, x.Spoiled)
	}
	_ = w.Flush()
	fmt.Fprintln(out, "\nacknowledged = arrived + damaged (a bit of their record was flipped) + refused (by the target) + held + lost.")
	fmt.Fprintln(out, "again: came once more; unasked: came though the sender had no answer, or another one.")
	r.printFlights(out)
	if r.Datagrams != nil {
		r.Datagrams.print(out)
	}
	if r.Outage != nil {
		r.printOutage(out)
	}
	fmt.Fprintf(out, "\n%d kills, %d bits flipped", r.Kills, len(r.Flips))
	for _, name := range slices.Sorted(maps.Keys(r.Broken)) {
		fmt.Fprintf(out, ", %d× %s", r.Broken[name], name)
	}
	fmt.Fprintf(out, ", in %.0f s.\n", r.Seconds)
	for _, name := range slices.Sorted(maps.Keys(r.NotDone)) {
		fmt.Fprintf(out, "Not done: %s: %s.\n", name, r.NotDone[name])
	}
	for _, f := range r.Flips {
		fmt.Fprintf(out, "Flipped: a bit of byte %d of %s, in record %d with %d spans.\n", f.Offset, f.Segment, f.Record, f.Spans)
	}
	fmt.Fprintf(out, "The slowest start took %.2f s", r.SlowestStart)
	if r.Broken["full"] > 0 {
		fmt.Fprintf(out, "; with room on the disk again, the first span was acknowledged after at most %.2f s", r.SlowestRecovery)
	}
	fmt.Fprintf(out, ". The seed was %d.\n", r.Seed)
	if r.Ledger != nil {
		fmt.Fprintln(out, "\nThe account of the bridge's last life:")
		fmt.Fprintln(out)
		r.Ledger.print(out)
	}
	for _, x := range r.Lost {
		fmt.Fprintf(out, "LOST: %s\n", x)
	}
}
