// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/span"
	"github.com/spanbridge/spanbridge/translate"
	"github.com/spanbridge/spanbridge/translate/skywalking"
)

type ingestCmd struct {
	Go2skyLog go2skyLogCmd `cmd:"" name:"go2sky-log" help:"Send what go2sky's log reporter wrote into a log."`
}

type go2skyLogCmd struct {
	Service  string        `required:"" help:"The service whose log it is: the lines do not say it."`
	Instance string        `help:"The instance of the service; the name of the service when not given."`
	To       string        `placeholder:"ADDRESS" help:"Where to send: the port for SkyWalking's gRPC of a bridge (or of an OAP), host:port, or https://host:port for TLS. Without it the configuration tells: receivers.skywalking-grpc."`
	Config   string        `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration of the bridge to send to."`
	MaxLine  int           `default:"1048576" placeholder:"BYTES" help:"The longest line in bytes (${default}); the rest of a longer one is not read, and what it holds counts as malformed."`
	GiveUp   time.Duration `name:"give-up-after" default:"1m" help:"How long to try again while nobody takes the spans; 0s: for ever."`
	Token    string        `name:"token-file" placeholder:"FILE" help:"A file with the token that --to asks for. Without --to it is that of the configuration."`
	clientFlags
	File string `arg:"" optional:"" help:"The log; standard input when not given, as in: kubectl logs -f deploy/order | bridge ingest go2sky-log --service order"`
}

// Help is the rest of bridge ingest go2sky-log --help.
func (*go2skyLogCmd) Help() string {
	return `Lines without a segment are ignored. Anything may stand before a segment in its
line, such as what a container runtime adds; lines of Docker's json-file driver
are unwrapped. What is read is sent at the latest after a second.

The exit code is 1 when a segment could not be read or sent.`
}

// Run reads lines until they end or a signal comes.
func (c *go2skyLogCmd) Run(w *world) error {
	to := destination{address: strings.TrimPrefix(c.To, "https://"), secure: strings.HasPrefix(c.To, "https://"), tls: c.tls()}
	to.auth.TokenFile = c.Token
	list := protocols(nil)
	if c.To == "" {
		cfg, err := config.Read(c.Config, w.environ, known(list))
		if err != nil {
			return err
		}
		to = c.to(cfg.Receivers["skywalking-grpc"])
	}
	file, err := w.open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	name := "standard input"
	if c.File != "" && c.File != "-" {
		name = c.File
	}
	kind, _ := target(list, "skywalking")
	e, err := exporters.New(kind, exporters.Settings{
		Endpoint: to.endpoint(translate.GRPC), TLS: to.trust(), Auth: to.auth, Timeout: 10 * time.Second, Connections: 1, UserAgent: "bridge-ingest/" + versionName(),
		Options: translate.EncoderOptions{},
	})
	if err != nil {
		return fmt.Errorf("--to %s: %w", to.address, err)
	}
	defer e.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	in := &logIngest{
		world: w, name: name, giveUp: c.GiveUp, exporter: e,
		format: skywalking.Go2skyLog{Service: c.Service, Instance: c.Instance},
	}
	if c.Instance == "" {
		in.format.Instance = c.Service
	}
	err = in.run(ctx, file, max(c.MaxLine, 64))
	in.summary()
	switch {
	case err != nil:
		return err
	case in.lost > 0:
		return fmt.Errorf("%d spans were not sent to %s", in.lost, to.address)
	case in.malformed > 0:
		return errors.New("not everything was read")
	}
	return nil
}

// logIngest reads lines and sends what they hold.
type logIngest struct {
	world    *world
	name     string
	giveUp   time.Duration
	exporter *exporters.Exporter
	format   skywalking.Go2skyLog

	waiting []span.Item

	lines, taken, malformed, ignored int
	sent, lost                       int // spans
}

// How many spans are sent at once, and how long the first one waits for others.
const (
	ingestSpans  = 1000
	ingestLinger = time.Second
)

// logLine is a line without its end.
type logLine struct {
	text []byte
	long bool // it was cut
	err  error
}

func (in *logIngest) run(ctx context.Context, file io.Reader, longest int) error {
	lines := make(chan logLine, 64)
	go readLines(file, longest, lines)
	timer := time.NewTimer(ingestLinger)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				in.flush(ctx)
				return nil
			}
			if l.err != nil {
				in.flush(ctx)
				return fmt.Errorf("%s: %w", in.name, l.err)
			}
			before := len(in.waiting)
			in.line(l)
			if before == 0 && len(in.waiting) > 0 {
				timer.Reset(ingestLinger)
			}
			if len(in.waiting) >= ingestSpans {
				in.flush(ctx)
			}
		case <-timer.C:
			in.flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			in.flush(last)
			return nil
		}
	}
}

// readLines reads to the end. A line that is too long is cut.
func readLines(file io.Reader, longest int, lines chan<- logLine) {
	defer close(lines)
	r := bufio.NewReaderSize(file, 64<<10)
	var l logLine
	for {
		part, err := r.ReadSlice('\n')
		whole := err == nil
		if room := longest - len(l.text); len(part) > room {
			l.long = l.long || len(bytes.TrimRight(part[room:], "\r\n")) > 0
			part = part[:room]
		}
		l.text = append(l.text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case whole, errors.Is(err, io.EOF):
			if l.text = bytes.TrimRight(l.text, "\r\n"); whole || len(l.text) > 0 {
				lines <- l
			}
			l = logLine{}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if !errors.Is(err, io.EOF) {
				lines <- logLine{err: err}
			}
			return
		}
	}
}

// mostFaultLines is how many malformed lines are described; the others are
// counted.
const mostFaultLines = 20

// line reads one line.
func (in *logIngest) line(l logLine) {
	in.lines++
	if !in.format.Holds(l.text) {
		in.ignored++
		return
	}
	in.format.Line = in.lines
	b, err := in.format.Decode(l.text, span.Origin{Format: "skywalking.go2sky.log", Transport: "file", Received: time.Now().UnixNano()})
	if b.Len() > 0 {
		in.taken++
	}
	if err != nil || l.long {
		in.malformed++
		if err == nil {
			err = errors.New("the line was cut")
		}
		if l.long {
			err = fmt.Errorf("%w (the line is longer than --max-line)", err)
		}
		if in.malformed <= mostFaultLines {
			fmt.Fprintf(in.world.err, "bridge: %s: %v\n", in.name, err)
		}
	}
	// An error there is one that was told already.
	b, _ = in.format.Report(b)
	for i := range b.Spans() {
		s := &b.Spans()[i]
		in.waiting = append(in.waiting, span.Item{Batch: b, Index: i, Identity: span.Identity{ID: s.ID, Parent: s.Parent}})
	}
}

// flush sends what waits, and tries again until it is taken or given up.
func (in *logIngest) flush(ctx context.Context) {
	if len(in.waiting) == 0 {
		return
	}
	defer func() { in.waiting = nil }()
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = 10 * time.Second
	began, said := time.Now(), false
	for {
		left, err := in.exporter.Consume(ctx, span.Parcel{Items: in.waiting})
		if err == nil {
			bad := left.Bad() + left.Repeated.Total()
			in.sent += len(in.waiting) - bad
			in.lost += bad
			if bad > 0 {
				in.say("%d spans were not taken: %s", bad, cmp.Or(left.Why, "they were sent before"))
			}
			return
		}
		var again interface{ RetryAfter() time.Duration }
		if !errors.As(err, &again) || in.giveUp > 0 && time.Since(began) >= in.giveUp {
			in.lost += len(in.waiting)
			in.say("%d spans are lost: %v", len(in.waiting), err)
			return
		}
		if !said {
			in.say("trying again: %v", err)
			said = true
		}
		select {
		case <-time.After(max(wait.NextBackOff(), again.RetryAfter())):
		case <-ctx.Done():
			in.lost += len(in.waiting)
			return
		}
	}
}

func (in *logIngest) say(format string, args ...any) {
	fmt.Fprintf(in.world.err, "bridge: "+format+"\n", args...)
}

func (in *logIngest) summary() {
	in.say("%s: %d lines read: %d with segments, %d malformed, %d ignored; %d spans sent, %d lost",
		in.name, in.lines, in.taken, in.malformed, in.ignored, in.sent, in.lost)
}
