// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/queue"
	"github.com/spanbridge/spanbridge/queue/queuetest"
)

// post sends one span of a name; it gives the status.
func (r *running) post(name string, headers ...string) int {
	r.t.Helper()
	body := fmt.Sprintf(`[{"traceId":"a","id":"b","name":%q,"localEndpoint":{"serviceName":"shop"}}]`, name)
	req, err := http.NewRequest(http.MethodPost, "http://"+r.receivers.Address("zipkin").String()+"/api/v2/spans", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// get asks the admin port.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	resp, err := http.Get("http://" + r.admin.cfg.Listen + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(p)
}

func (b *backend) has(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.names[name] > 0
}

// A configuration with faults leaves everything as it is, says where they are, and
// is counted; so does one with a change that needs a restart, and one with a port
// that cannot be opened.
func TestBadReload(t *testing.T) {
	t.Parallel()
	var back backend
	back.serve(t)
	good := fmt.Sprintf("targets:\n  back: {kind: zipkin, endpoint: %q}\n", back.http.URL)
	r := start(t, good)
	address := r.receivers.Address("zipkin").String()
	taken := r.admin.cfg.Listen
	for n, bad := range []struct{ text, want string }{
		{"targets:\n  back:\n    kind: zipkn\n", "bridge.yaml:3: targets.back.kind"},
		{": : :\n", "bridge.yaml"},
		{good + "sampling:\n  strategies_file: /nowhere.json\n", "bridge.yaml:4: sampling.strategies_file: open /nowhere.json"},
		{good + "security:\n  auth:\n    token_file: /nowhere\n", "bridge.yaml:5: security: auth.token_file"},
		{"targets:\n  back:\n    kind: zipkin\n    endpoint: https://a\n    tls:\n      ca_file: /nowhere.pem\n", "bridge.yaml:6: targets.back: tls.ca_file"},
		{good + "log: {level: debug}\nqueue:\n  dir: /tmp/elsewhere\n", "bridge.yaml:5: queue.dir: changed, which needs a restart"},
		{good + "  more: {kind: zipkin, endpoint: \"http://127.0.0.1:1\"}\nreceivers:\n  otlp-http: {listen: " + taken + "}\n", "port " + taken},
	} {
		if strings.Contains(bad.text, "otlp-http") {
			// The environment wins over the file.
			r.from.environ = without(r.from.environ, "BRIDGE_RECEIVERS_OTLP_HTTP_LISTEN")
		}
		r.write(bad.text)
		_, err := r.reload()
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%v, want %q", err, bad.want)
		}
		if got := r.metric("bridge_config_reloads_total", `"bad"`); int(got) != n+1 {
			t.Errorf("%v bad reloads, want %d", got, n+1)
		}
		if r.metric("bridge_config_last_reload_successful") != 0 || r.metric("bridge_config_last_reload_success_timestamp_seconds") == 0 {
			t.Error("the metrics say that it was good")
		}
		name := fmt.Sprintf("span-%04d-a", n)
		if status := r.post(name); status != http.StatusAccepted || r.receivers.Address("zipkin").String() != address {
			t.Errorf("status %d at %s", status, r.receivers.Address("zipkin"))
		}
		until(t, "the span", func() bool { return back.has(name) })
	}
	if r.metric("bridge_spans_held", `"more"`) != 0 || len(r.outlets) != 2 {
		t.Errorf("%d targets, want back and the view", len(r.outlets))
	}
	if !strings.Contains(r.written.String(), "the former one stays in force") || !strings.Contains(r.written.String(), "zipkn") {
		t.Error("it is not in the log")
	}
	r.sums("back")
}

// What a target that was removed has left in the queue stays there when it is added by
// a reload that fails, and comes with one that does not.
func TestBadReloadKeepsWhatWasLeft(t *testing.T) {
	t.Parallel()
	var back backend
	back.serve(t)
	base := fmt.Sprintf("queue: {dir: %q}\n", t.TempDir())
	r := start(t, base+"targets: {back: {kind: zipkin, endpoint: \"http://127.0.0.1:1\"}}\n")
	for i := range 10 {
		if status := r.post(fmt.Sprintf("span-%04d-a", i)); status != http.StatusAccepted {
			t.Fatal(status)
		}
	}
	r.to(base)
	added := base + fmt.Sprintf("targets: {back: {kind: zipkin, endpoint: %q}}\n", back.http.URL)
	r.from.environ = without(r.from.environ, "BRIDGE_RECEIVERS_OTLP_HTTP_LISTEN")
	port := "receivers: {otlp-http: {listen: %q}}\n"
	r.write(added + fmt.Sprintf(port, r.admin.cfg.Listen))
	if _, err := r.reload(); err == nil {
		t.Fatal("a port that is taken was opened")
	}
	r.sums("back")
	if got := r.metric("bridge_spans_dropped_total", `"back"`, `"removed"`); got != 0 {
		t.Errorf("%v spans are dropped by a reload that failed", got)
	}
	r.to(added + fmt.Sprintf(port, "127.0.0.1:0"))
	until(t, "what is for it", func() bool { _, n, _ := back.state(); return n == 10 })
	r.idle()
	r.sums("back")
}

func without(environ []string, name string) (rest []string) {
	for _, v := range environ {
		if !strings.HasPrefix(v, name+"=") {
			rest = append(rest, v)
		}
	}
	return rest
}

// kill -HUP, and what it changes: the level of the log, rules, limits, tokens, the
// bounds of the view and of the queue.
func TestHangUp(t *testing.T) {
	t.Parallel()
	var back backend
	back.serve(t)
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := func(more string) string {
		return fmt.Sprintf("targets:\n  back: {kind: zipkin, endpoint: %q, batch: {linger: 0s}}\n%s", back.http.URL, more)
	}
	r := start(t, text(""))
	n := 0.0
	step := func(more string) {
		t.Helper()
		r.write(text(more))
		r.hangUp()
		n++
		until(t, "the reload", func() bool { return r.metric("bridge_config_reloads_total", `"good"`) == n })
	}
	step("rename: {services: {shop: market}}\nlog: {level: debug}\n")
	if r.post("span-0001-a") != http.StatusAccepted {
		t.Error("it is not taken")
	}
	until(t, "the other name", func() bool {
		resp, err := http.Get("http://" + r.receivers.Address("zipkin").String() + "/api/v2/services")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		p, _ := io.ReadAll(resp.Body)
		return strings.Contains(string(p), "market")
	})
	r.log.Debug("a line of the level")
	if !strings.Contains(r.written.String(), "a line of the level") {
		t.Error("the level has not changed")
	}
	step("limits: {body: 1KiB}\n")
	if status := r.post("span-0002-" + strings.Repeat("a", 2000)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d for a body that is too long now", status)
	}
	step(fmt.Sprintf("security: {auth: {token_file: %q}}\n", tokens))
	if got := [2]int{r.post("span-0003-a"), r.post("span-0003-a", "Authorization", "Bearer s3cret")}; got != [2]int{http.StatusUnauthorized, http.StatusAccepted} {
		t.Errorf("status %d without a token and %d with it", got[0], got[1])
	}
	step("view: {memory: 1MiB, strict_trace_id: true}\nqueue: {decoded: 1MiB, dead: {max_bytes: 1MiB}}\nsampling: {gateway: 0.000001}\n")
	if r.post("span-0004-a") != http.StatusAccepted {
		t.Error("it is not taken")
	}
	until(t, "it is left out", func() bool { return r.metric("bridge_sampled_out_spans_total") == 1 })
	r.idle()
	if back.has("span-0004-a") {
		t.Error("a span that sampling leaves out has come")
	}
	r.sums("back")
}

// A target that is removed: with the queue in memory what it held is dropped and
// counted; on disk it stays for a time, and the target goes on when it comes back.
// The line of the reload says how much it is.
func TestRemoveADeadTarget(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			var back backend
			back.serve(t)
			base := fmt.Sprintf("queue: {dir: %q}\n", dir)
			dead := base + "targets: {back: {kind: zipkin, endpoint: \"http://127.0.0.1:1\"}}\n"
			r := start(t, dead)
			for i := range 10 {
				if status := r.post(fmt.Sprintf("span-%04d-a", i)); status != http.StatusAccepted {
					t.Fatal(status)
				}
			}
			lines := strings.Join(r.to(base), "\n")
			if want := map[bool]string{true: "10 spans that it has not got are dropped", false: "10 spans that it has not got stay in the queue"}[dir == ""]; !strings.Contains(lines, want) {
				t.Errorf("%q, want %q", lines, want)
			}
			r.sums("back")
			if got := r.metric("bridge_spans_dropped_total", `"back"`, `"removed"`); dir == "" && got != 10 || dir != "" && got != 0 {
				t.Errorf("%v are dropped", got)
			}
			if status := r.post("span-0010-a"); status != http.StatusAccepted {
				t.Fatal(status)
			}
			r.sums("back")
			if _, text := r.get("/status.json"); !strings.Contains(text, `"removed": true`) || !strings.Contains(text, `"agree": true`) {
				t.Errorf("status: %s", text)
			}
			r.to(base + fmt.Sprintf("targets: {back: {kind: zipkin, endpoint: %q}}\n", back.http.URL))
			if status := r.post("span-0011-a"); status != http.StatusAccepted {
				t.Fatal(status)
			}
			want := map[bool]int{true: 1, false: 12}[dir == ""]
			until(t, "what is for it", func() bool { _, n, _ := back.state(); return n == want })
			r.idle()
			r.sums("back")
		})
	}
}

// A target that did not take anything is mended by a reload: what waits, also to
// be tried again in an hour, goes at once; and when it becomes one of another kind.
func TestMendATarget(t *testing.T) {
	t.Parallel()
	for kind, endpoint := range map[string]func(*backend) string{
		"zipkin": func(b *backend) string { return b.http.URL },
		"jaeger": func(b *backend) string { return b.grpc },
	} {
		t.Run(kind, func(t *testing.T) {
			var back backend
			back.serve(t)
			r := start(t, "targets: {back: {kind: zipkin, endpoint: \"http://127.0.0.1:1\", retry: {initial: 1h, max: 1h}}}\n")
			for i := range 5 {
				r.post(fmt.Sprintf("span-%04d-a", i))
			}
			until(t, "it is tried", func() bool { return r.metric("bridge_export_requests_total", `"back"`, `"retried"`) > 0 })
			r.to(fmt.Sprintf("targets: {back: {kind: %s, endpoint: %q, retry: {initial: 1h, max: 1h}}}\n", kind, endpoint(&back)))
			until(t, "all spans", func() bool { _, n, twice := back.state(); return n == 5 && twice == 0 })
			r.idle()
			r.sums("back")
			if r.metric("bridge_target_failing", `"back"`) != 0 {
				t.Error("it still counts as failing")
			}
		})
	}
}

// The admin port reloads for programs of this machine, not for pages of others.
func TestReloadPage(t *testing.T) {
	t.Parallel()
	r := start(t, "")
	post := func(media string) (int, string) {
		resp, err := http.Post("http://"+r.admin.cfg.Listen+reloadPath, media, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		p, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(p)
	}
	if status, text := post("application/json"); status != http.StatusOK || text != "Nothing has changed.\n" {
		t.Errorf("%d: %s", status, text)
	}
	if status, _ := post("text/plain"); status != http.StatusUnsupportedMediaType {
		t.Errorf("status %d for what a page may send", status)
	}
	r.write("log: {level: loud}\n")
	if status, text := post("application/json"); status != http.StatusUnprocessableEntity || !strings.Contains(text, "bridge.yaml:1: log.level") {
		t.Errorf("%d: %s", status, text)
	}
	r.stop()
	var faults config.Faults
	if _, err := r.reload(); !errors.Is(err, errNotServing) || errors.As(err, &faults) {
		t.Errorf("%v after the end", err)
	}
}

// While the disk of the queue does not take anything the gateway is not ready, and
// says why; it lives, and is ready again by itself when the disk is back.
func TestReadyWithTheDisk(t *testing.T) {
	t.Parallel()
	disks := make(map[string]*queuetest.Disk)
	r := startOn(t, "queue: {dir: q}\nreceivers: {zipkin: {when_busy: answer}}\n", func(dir string) queue.FS {
		disks[dir] = &queuetest.Disk{}
		return disks[dir]
	})
	for op, text := range map[queuetest.Op]string{queuetest.SyncFile: "the sync failed", queuetest.Write: "no space left"} {
		if status := r.post("a"); status != http.StatusAccepted {
			t.Errorf("status %d", status)
		}
		disks["q"].FailWith(func(o queuetest.Op, name string) error {
			if o == op && strings.HasSuffix(name, ".seg") {
				return errors.New(text)
			}
			return nil
		})
		if status := r.post("b"); status != http.StatusServiceUnavailable {
			t.Errorf("status %d while the disk fails", status)
		}
		if status, answer := r.get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(answer, text) || !strings.Contains(answer, "queue on disk") {
			t.Errorf("readiness: %d %s", status, answer)
		}
		if status, _ := r.get("/healthz"); status != http.StatusOK {
			t.Errorf("liveness: %d", status)
		}
		if _, answer := r.get("/status"); !strings.Contains(answer, "Not ready") {
			t.Error("the status page says that it is ready")
		}
		disks["q"].FailWith(nil)
		until(t, "it is ready again", func() bool { status, _ := r.get("/readyz"); return status == http.StatusOK })
	}
	if status := r.post("c"); status != http.StatusAccepted {
		t.Errorf("status %d", status)
	}
}

// The view's page leads to the account of every span, under its own address and
// with nothing in it that the browser would refuse.
func TestStatusOfTheView(t *testing.T) {
	t.Parallel()
	r := start(t, "")
	view := "http://" + r.receivers.Address("zipkin").String() + "/"
	ask := func(path string) (*http.Response, string) {
		resp, err := http.Get(view + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		p, _ := io.ReadAll(resp.Body)
		return resp, string(p)
	}
	if _, answer := ask("view/status"); !strings.Contains(answer, `"account":"status"`) {
		t.Error(answer)
	}
	resp, answer := ask("status")
	if resp.StatusCode != http.StatusOK || !strings.Contains(answer, "Every span is accounted for") {
		t.Errorf("%s: %s", resp.Status, answer)
	}
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
	if !strings.Contains(answer, ledgerText[strings.Index(ledgerText, "<style>"):strings.Index(ledgerText, "</style>")]) {
		t.Error("the style is not the one of the policy")
	}
}
