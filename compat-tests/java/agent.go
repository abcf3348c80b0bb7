// SPDX-License-Identifier: Apache-2.0

package java

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
	"github.com/spanbridge/spanbridge/compat-tests/story"
	"github.com/spanbridge/spanbridge/compat-tests/visit"
)

// SkyWalking runs two services under the SkyWalking agent, plays the story of
// package visit and returns when all has been sent. The collector is HOST:PORT.
func SkyWalking(t testing.TB, collector string) story.Story {
	t.Helper()
	b, urlB := Service(t, collector, "java-b")
	a, urlA := Service(t, collector, "java-a", urlB)
	s, err := visit.Play(t.Context(), urlA, visit.Form{
		Client:    "skywalking-java 9.4.0",
		EntryName: func(path string) string { return "GET:" + path },
		EntryTags: func(_ string, status int) map[string]string {
			return map[string]string{"http.method": "GET", "http.status_code": fmt.Sprint(status)}
		},
		Message: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	a.End(t)
	b.End(t)
	return s
}

// Service starts one service under the SkyWalking agent and returns when the
// agent has a collector. Other is the URL of the service that it calls.
func Service(t testing.TB, collector, name string, other ...string) (p *lab.Process, url string) {
	t.Helper()
	jar := agentJar(t)
	demo := lab.Classes(t, "demo", sources(t, "agent/demo"), "")
	port := lab.Port(t)
	args := []string{
		"-javaagent:" + jar,
		"-Dskywalking.agent.service_name=" + name,
		"-Dskywalking.agent.instance_name=" + name + "-1",
		"-Dskywalking.collector.backend_service=" + collector,
		"-Dskywalking.logging.output=CONSOLE",
		"-cp", demo, "lab.demo.Service", name, fmt.Sprint(port),
	}
	p = lab.Start(t, name, lab.JVM("128m", append(args, other...)...))
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	p.Await(t, limit, "having a collector", lab.Answers(url+"/ready"))
	return p, url
}

// plugin is where the sources of the agent's plugin are: the mixed fleet needs it
// too.
const plugin = "examples/mixed-fleet/java/plugin"

// agentJar lays out the folder that the agent wants around its jar, with one
// plugin, which is ours.
func agentJar(t testing.TB) string {
	t.Helper()
	core := lab.Jar(t, "org.apache.skywalking:apm-agent:9.4.0")
	classes := lab.Classes(t, "plugin", os.DirFS(lab.Repository(plugin)), core)
	// The name of the compiled plugin's folder changes with its sources.
	dir := lab.Fetch(t, "agent/"+filepath.Base(classes), func(_ context.Context, dir string) error {
		for _, folder := range []string{"plugins", "config"} {
			if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
				return err
			}
		}
		// The file must be there; all settings are arguments.
		if err := os.WriteFile(filepath.Join(dir, "config", "agent.config"), []byte("logging.level=INFO\n"), 0o644); err != nil {
			return err
		}
		if err := zipFolder(classes, filepath.Join(dir, "plugins", "lab-plugin.jar")); err != nil {
			return err
		}
		return copyFile(core, filepath.Join(dir, "skywalking-agent.jar"))
	})
	return filepath.Join(dir, "skywalking-agent.jar")
}

func zipFolder(dir, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := zip.NewWriter(f)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
