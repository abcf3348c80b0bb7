// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/deadletter"
	"github.com/spanbridge/spanbridge/pipeline"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/span"
)

// queueCmd is about the queue on disk. All but cut change nothing and work beside a
// running gateway.
type queueCmd struct {
	Ls     queueLsCmd     `cmd:"" help:"List the files of the queue and its readers, with what each has not got."`
	Show   queueShowCmd   `cmd:"" help:"Show a message of the queue and the spans in it."`
	Verify queueVerifyCmd `cmd:"" help:"Check every byte of the queue and the dead letters; exit code 1 when something that was acknowledged is lost."`
	Cut    queueCutCmd    `cmd:"" help:"Have a target never get what waits for it. Only while no gateway runs."`
}

func (x *whereabouts) queue(w *world) (*config.Config, queue.FS, error) {
	cfg, err := x.read(w)
	if err != nil {
		return nil, nil, err
	}
	if cfg.Queue.Dir == "" {
		return nil, nil, errors.New("the queue is in memory: neither queue.dir nor --dir is set")
	}
	return cfg, queue.Dir(cfg.Queue.Dir), isQueue(cfg.Queue.Dir)
}

// inspect looks at a log. Beside a running gateway a file may go meanwhile.
func inspect(dir queue.FS) (in *queue.Inspection, err error) {
	for range 5 {
		if in, err = queue.Inspect(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return in, err
}

type queueLsCmd struct{ whereabouts }

// Run lists files and readers.
func (c *queueLsCmd) Run(w *world) error {
	_, dir, err := c.queue(w)
	if err != nil {
		return err
	}
	in, err := inspect(dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.out, listing(in))
	}
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "file\tfrom\tto\tmessages\tspans\tbytes\tnewest")
	for _, s := range in.Segments {
		newest, to := "-", "-"
		if s.Records > 0 {
			newest, to = s.Newest.Format(time.RFC3339), fmt.Sprint(s.Next-1)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%d\t%d\t%s\n", s.Name, s.First, to, s.Records, s.Items, s.Bytes, newest)
	}
	fmt.Fprintln(table, "\ntarget\tnext\tmessages\tspans\tbytes\tstate")
	for _, r := range in.Cursors {
		state := "configured when the queue was last in use"
		if !r.Left.IsZero() {
			state = "left the configuration, " + r.Left.Format(time.RFC3339)
		}
		if r.Fault != "" {
			state = "damaged, begins with the oldest: " + r.Fault
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\n", r.Name, r.Next, r.HeldRecords, r.HeldItems, r.HeldBytes, state)
	}
	return table.Flush()
}

// queueListing is the queue as JSON.
type queueListing struct {
	Files   []listedFile   `json:"files"`
	Readers []listedReader `json:"readers"`
}

type listedFile struct {
	Name     string    `json:"name"`
	From     uint64    `json:"from"`
	Next     uint64    `json:"next"` // the number after its last message
	Messages int       `json:"messages"`
	Spans    int64     `json:"spans"`
	Bytes    int64     `json:"bytes"`
	Newest   time.Time `json:"newest"`
}

type listedReader struct {
	Target   string    `json:"target"`
	Next     uint64    `json:"next"`
	Messages int       `json:"messages"`
	Spans    int64     `json:"spans"`
	Bytes    int64     `json:"bytes"`
	Left     time.Time `json:"left,omitzero"`
	Fault    string    `json:"fault,omitempty"`
}

func listing(in *queue.Inspection) (l queueListing) {
	for _, s := range in.Segments {
		l.Files = append(l.Files, listedFile{s.Name, s.First, s.Next, s.Records, s.Items, s.Bytes, s.Newest})
	}
	for _, r := range in.Cursors {
		l.Readers = append(l.Readers, listedReader{r.Name, r.Next, r.HeldRecords, r.HeldItems, r.HeldBytes, r.Left, r.Fault})
	}
	return l
}

type queueShowCmd struct {
	whereabouts
	Message bool   `help:"Print the message as it arrived, and nothing else."`
	Number  uint64 `arg:"" help:"The number of a message."`
}

// shown is a message of the queue.
type shown struct {
	Number    uint64      `json:"number"`
	File      string      `json:"file"`
	Offset    int64       `json:"offset"`
	At        time.Time   `json:"at"`
	Format    string      `json:"format,omitempty"`
	Transport string      `json:"transport,omitempty"`
	Tenant    string      `json:"tenant,omitempty"`
	Received  time.Time   `json:"received,omitzero"`
	Bytes     int         `json:"bytes"`
	Count     int         `json:"count"`
	Spans     []shownSpan `json:"spans,omitempty"`
	Fault     string      `json:"fault,omitempty"`
}

type shownSpan struct {
	Trace   string `json:"trace"`
	ID      string `json:"id"`
	Parent  string `json:"parent,omitempty"`
	Service string `json:"service,omitempty"`
	Name    string `json:"name,omitempty"`
}

// Run shows a message.
func (c *queueShowCmd) Run(w *world) error {
	_, dir, err := c.queue(w)
	if err != nil {
		return err
	}
	in, err := inspect(dir)
	if err != nil {
		return err
	}
	var found *queue.Stored
	if err := in.Each(c.Number, func(s queue.Stored) bool {
		if s.Seq == c.Number {
			found = &s
		}
		return false
	}); err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("the queue has no message %d; bridge queue ls says which it has", c.Number)
	}
	if c.Message {
		if found.Err != nil {
			return found.Err
		}
		_, err := w.out.Write(found.Body)
		return err
	}
	x := describe(found)
	if c.JSON {
		return printJSON(w.out, x)
	}
	fmt.Fprintf(w.out, "Message %d, in %s at byte %d, since %s\n", x.Number, x.File, x.Offset, x.At.Format(time.RFC3339))
	if x.Format != "" {
		fmt.Fprintf(w.out, "came      as %s by %s, %d bytes, %s\n", x.Format, x.Transport, x.Bytes, x.Received.Format(time.RFC3339))
	}
	if x.Tenant != "" {
		fmt.Fprintf(w.out, "tenant    %s\n", x.Tenant)
	}
	if x.Fault != "" {
		fmt.Fprintf(w.out, "fault     %s\n", oneLine(x.Fault))
	}
	fmt.Fprintf(w.out, "spans     %d\n", x.Count)
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	for _, s := range x.Spans {
		fmt.Fprintf(table, "  trace %s\tspan %s\t%s\t%s\n", s.Trace, s.ID, oneLine(s.Service), oneLine(s.Name))
	}
	return table.Flush()
}

// describe decodes a message, without the rules of the configuration.
func describe(s *queue.Stored) shown {
	x := shown{Number: s.Seq, File: s.Segment, Offset: s.Offset, At: s.At, Bytes: len(s.Body), Count: s.Items}
	if s.Err != nil {
		x.Fault = s.Err.Error()
		return x
	}
	origin, err := pipeline.Origin(s.Record)
	if err != nil {
		x.Fault = err.Error()
		return x
	}
	x.Format, x.Transport, x.Tenant, x.Received = origin.Format, origin.Transport, origin.Tenant, time.Unix(0, origin.Received)
	b, err := decoder(protocols(nil))(s.Body, origin)
	if err != nil {
		x.Fault = err.Error()
	}
	if b == nil {
		return x
	}
	for _, s := range b.Spans() {
		x.Spans = append(x.Spans, describeSpan(b, &s))
	}
	return x
}

func describeSpan(b *span.Batch, s *span.Span) shownSpan {
	d := shownSpan{
		Trace: s.Trace.String(), ID: s.ID.String(),
		Service: deadletter.Cut(b.Str(s.Local.Service), math.MaxInt), Name: deadletter.Cut(b.Str(s.Name), math.MaxInt),
	}
	if s.Parent != 0 {
		d.Parent = s.Parent.String()
	}
	return d
}

type queueVerifyCmd struct{ whereabouts }

// verified is what is right and wrong with a log.
type verified struct {
	Dir      string   `json:"dir"`
	Messages int      `json:"messages"`
	Spans    int64    `json:"spans"`
	Bytes    int64    `json:"bytes"`
	Lost     int      `json:"lost"` // messages that were acknowledged
	Damages  []string `json:"damages,omitempty"`
	// Torn is what a crash left of what was not acknowledged.
	Torn []string `json:"torn,omitempty"`
}

func verify(path string) (v verified, err error) {
	in, err := inspect(queue.Dir(path))
	if err != nil {
		return v, err
	}
	f := &in.Found
	v = verified{Dir: path, Messages: f.Records, Spans: f.Items, Bytes: f.Bytes, Lost: f.DamagedRecords}
	for _, d := range f.Damages {
		v.Damages = append(v.Damages, d.String())
	}
	for _, d := range f.Torn {
		v.Torn = append(v.Torn, d.String())
	}
	if f.Short != "" {
		v.Torn = append(v.Torn, f.Short+" is shorter than it was made: records at its end may be missing without a trace")
	}
	for _, c := range in.Cursors {
		if c.Fault != "" {
			v.Damages = append(v.Damages, fmt.Sprintf("the place of %s: %s; it begins with the oldest message", c.Name, c.Fault))
		}
	}
	return v, nil
}

// Run checks the queue.
func (c *queueVerifyCmd) Run(w *world) error {
	cfg, _, err := c.queue(w)
	if err != nil {
		return err
	}
	dirs := []string{cfg.Queue.Dir}
	if _, err := os.Stat(deadDir(cfg.Queue)); err == nil {
		dirs = append(dirs, deadDir(cfg.Queue))
	}
	var all []verified
	faults := 0
	for _, dir := range dirs {
		v, err := verify(dir)
		if err != nil {
			return err
		}
		faults += len(v.Damages)
		all = append(all, v)
	}
	if c.JSON {
		if err := printJSON(w.out, all); err != nil {
			return err
		}
	} else {
		for _, v := range all {
			fmt.Fprintf(w.out, "%s: %d messages of %d spans, %d bytes; %d lost\n", v.Dir, v.Messages, v.Spans, v.Bytes, v.Lost)
			for _, d := range v.Damages {
				fmt.Fprintln(w.out, "  damaged:", d)
			}
			for _, d := range v.Torn {
				fmt.Fprintln(w.out, "  torn, as by a crash, not acknowledged:", d)
			}
		}
	}
	if faults > 0 {
		return errors.New("the queue is damaged; a gateway starts with it all the same, without what is lost")
	}
	return nil
}

type queueCutCmd struct {
	whereabouts
	Target string `arg:"" help:"The target, as bridge queue ls names it."`
	Before uint64 `placeholder:"NUMBER" help:"What is before this message."`
	All    bool   `help:"Everything that waits for it."`
}

// Run moves a reader on.
func (c *queueCutCmd) Run(w *world) error {
	_, dir, err := c.queue(w)
	if err != nil {
		return err
	}
	if c.All == (c.Before > 0) {
		return errors.New("how much? Give --before NUMBER or --all")
	}
	before := c.Before
	if c.All {
		before = math.MaxUint64
	}
	log, _, err := queue.Open(dir, queue.Options{Now: time.Now})
	if errors.Is(err, queue.ErrInUse) {
		return fmt.Errorf("%w; stop the gateway first", err)
	}
	if err != nil {
		return err
	}
	messages, spans, err := cut(log, c.Target, before)
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(w.out, map[string]int{"messages": messages, "spans": spans})
	}
	fmt.Fprintf(w.out, "%s will not get %d messages of %d spans.\n", c.Target, messages, spans)
	return nil
}

// cut commits what is before a number for a reader. Nothing is settled, so that the
// files, which others may need, go with the next start of a gateway.
func cut(log *queue.Log, target string, before uint64) (messages, spans int, err error) {
	cursor, err := log.Claim(target)
	if err != nil {
		return 0, 0, err
	}
	last := uint64(0)
	for {
		r, ok, err := cursor.TryTake()
		if err != nil {
			return messages, spans, err
		}
		if !ok || r.Seq >= before {
			break
		}
		last = r.Seq
		messages++
		spans += r.Items
	}
	if last > 0 {
		cursor.Commit(last)
	}
	return messages, spans, nil
}
