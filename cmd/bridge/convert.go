// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spanbridge/spanbridge/assemble"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
)

type convertCmd struct {
	From      string `placeholder:"FORMAT" help:"The form of what comes in, such as zipkin.v2.json. Without it the content tells, and standard error says what was taken."`
	To        string `required:"" placeholder:"FORM" help:"The form of what goes out: zipkin, jaeger, skywalking or otlp for text, or the name of a form (an unknown one lists them)."`
	Residue   string `enum:"exact,plain,otel" default:"exact" help:"What becomes of what the form has no place for, as in the setting targets.NAME.residue: ${enum}."`
	WrapExits bool   `help:"For skywalking: as the setting targets.NAME.wrap_exits."`
	Loss      string `placeholder:"FILE" help:"Write there which fields did not fit into the form, one line for each; - is standard error."`
	File      string `arg:"" optional:"" help:"What to read; standard input when not given. gzip is unpacked."`
}

// Help is the rest of bridge convert --help.
func (*convertCmd) Help() string {
	return `Spans that cannot be read are named on standard error, one line for each fault;
the others are converted all the same. The exit code is 0 when everything was
read, 1 when something was not (or nothing could be done), 2 for a wrong command.

The whole input is one message: spans that a Zipkin client and server share are
told apart where the form needs ids of their own. Several JSON values in a row
(lines, such as the Collector's file exporter writes), and the lists of traces
that Zipkin's query API answers with, are taken too.`
}

// Run converts a file.
func (c *convertCmd) Run(w *world) error {
	out, err := formNamed(c.To)
	if err != nil {
		return err
	}
	in := &input{name: "standard input", formats: fileFormats(protocols(nil)), world: w}
	if c.From != "" {
		if in.as, err = formatNamed(in.formats, c.From); err != nil {
			return err
		}
	}
	file, err := w.open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	if c.File != "" && c.File != "-" {
		in.name = c.File
	}
	if err := in.read(file); err != nil {
		return fmt.Errorf("%s: %w", in.name, err)
	}
	if in.spans() == 0 && in.faults == 0 {
		fmt.Fprintf(w.err, "bridge: %s: no spans in it\n", in.name)
	}
	opts := translate.EncoderOptions{Residue: residues[c.Residue], WrapExits: c.WrapExits}
	result, losses, left, err := out.write(in.batches, opts)
	if err != nil {
		return err
	}
	if left > 0 {
		in.fault("%d spans have no form there, or were there twice", left)
	}
	if c.Loss != "" {
		if err := c.report(w, losses); err != nil {
			return err
		}
	}
	if _, err := w.out.Write(result); err != nil {
		return err
	}
	if in.faults > 0 {
		return errors.New("not everything was converted")
	}
	return nil
}

// report writes what did not fit.
func (c *convertCmd) report(w *world, losses *translate.Losses) error {
	var b bytes.Buffer
	printLosses(&b, losses)
	if c.Loss == "-" {
		_, err := w.err.Write(b.Bytes())
		return err
	}
	return os.WriteFile(c.Loss, b.Bytes(), 0o644) //nolint:gosec // a report, for whom the umask allows it
}

func printLosses(out io.Writer, losses *translate.Losses) {
	if losses.Empty() {
		fmt.Fprintln(out, "Nothing was lost.")
		return
	}
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "FROM\tFIELD\tSPANS\tWHAT THEY LOST")
	for l := range losses.All() {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\n", l.From, l.Field, l.Spans, l.Field.About())
	}
	_ = t.Flush()
}

// input is what a command reads: messages of any number of forms.
type input struct {
	name    string
	formats []translate.Format
	as      *translate.Format // nil: the content tells
	world   *world

	batches []*span.Batch
	faults  int
	said    []string // the forms that were taken
}

func (in *input) fault(format string, args ...any) {
	in.faults++
	fmt.Fprintf(in.world.err, "bridge: %s: %s\n", in.name, fmt.Sprintf(format, args...))
}

func (in *input) spans() (n int) {
	for _, b := range in.batches {
		n += b.Len()
	}
	return n
}

// read reads a whole file.
func (in *input) read(r io.Reader) error {
	data, err := readBounded(r)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("nothing in it, want spans")
	}
	for _, body := range documents(data) {
		f := in.as
		if f == nil {
			if f = guess(in.formats, body); f == nil {
				return fmt.Errorf("it begins with %q, of which no form is known; name it with --from", body[:min(len(body), 16)])
			}
			if !slices.Contains(in.said, f.Name) {
				in.said = append(in.said, f.Name)
				fmt.Fprintf(in.world.err, "bridge: %s: taken for %s\n", in.name, f.Name)
			}
		}
		in.decode(f, body)
	}
	return nil
}

// decode reads one message. What is wrong with it is said, a line for each
// fault that the format describes.
func (in *input) decode(f *translate.Format, body []byte) {
	b, err := f.Decode(body, span.Origin{Format: f.Name, Transport: "file", Received: time.Now().UnixNano()})
	var bad *translate.Malformed
	switch {
	case errors.As(err, &bad):
		for _, fault := range bad.Faults {
			in.fault("%s: %s", bad.Format, fault)
		}
		if n := bad.Spans - len(bad.Faults); n > 0 {
			in.fault("%s: and %d more spans that cannot be read", bad.Format, n)
		}
	case err != nil:
		in.fault("%v", err)
	}
	switch {
	case b == nil:
	case b.Over():
		in.fault("more than %d MiB of spans in one message, want less", span.MaxSlabs>>20)
	default:
		in.batches = append(in.batches, b)
	}
}

// items are the spans of all messages, with ids of their own when unique.
func items(batches []*span.Batch, unique bool) (all []span.Item) {
	for _, b := range batches {
		for i := range b.Spans() {
			s := &b.Spans()[i]
			all = append(all, span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID, Parent: s.Parent}})
		}
	}
	if unique {
		assemble.Join(all)
	}
	return all
}

// formatNamed finds a form of input.
func formatNamed(formats []translate.Format, name string) (*translate.Format, error) {
	i := slices.IndexFunc(formats, func(f translate.Format) bool { return f.Name == name })
	if i >= 0 {
		return &formats[i], nil
	}
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.Name
	}
	return nil, fmt.Errorf("--from %s: no such form, want one of %s", name, strings.Join(names, ", "))
}
