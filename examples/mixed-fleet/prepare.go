// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed python java
var sources embed.FS

// The plugin of Maven is pinned: only the old one fetches an artifact whose
// parent project was never published, as that of SkyWalking's agent.
const (
	getGoal  = "org.apache.maven.plugins:maven-dependency-plugin:2.8:get"
	agentJar = "org.apache.skywalking:apm-agent:9.4.0"
)

// parts are the programs that the services need and that are not Go.
type parts struct {
	Bridge     string // the bridge program, for the proxies
	Python     string // an interpreter that has python/requirements.txt
	JavaAgent  string // skywalking-agent.jar, with plugins/ beside it
	JavaStock  string // the folder of the class fleet.Stock
	pythonCode string // the folder of the Python services
}

// prepare makes what was not given and is not there yet, in a folder of the
// user's cache. Each thing is made beside its place and then moved there, so that
// two launchers at once do no harm.
type prepare struct {
	cache string
	say   func(format string, args ...any)
}

// all fills in what is missing of p.
func (c prepare) all(ctx context.Context, p *parts, withJava bool) (err error) {
	if p.Bridge == "" {
		if p.Bridge, err = c.bridge(ctx); err != nil {
			return err
		}
	}
	code, err := fs.Sub(sources, "python")
	if err != nil {
		return err
	}
	if p.pythonCode, err = c.folder(ctx, "code", key(code), func(_ context.Context, dir string) error {
		return os.CopyFS(dir, code)
	}); err != nil {
		return err
	}
	if p.Python == "" {
		if p.Python, err = c.python(ctx); err != nil {
			return err
		}
	}
	if withJava && (p.JavaAgent == "" || p.JavaStock == "") {
		return c.java(ctx, p)
	}
	return nil
}

// bridge builds the gateway of this repository. It is not cached: the sources may
// have changed, and Go knows what has to be built again.
func (c prepare) bridge(ctx context.Context) (string, error) {
	path := filepath.Join(c.cache, "bridge")
	if err := os.MkdirAll(c.cache, 0o755); err != nil {
		return "", err
	}
	c.say("building bridge")
	if err := run(ctx, "go", "build", "-o", path, "github.com/spanbridge/spanbridge/cmd/bridge"); err != nil {
		return "", fmt.Errorf("%w\n(run this inside the repository, or name a bridge with --bridge)", err)
	}
	return path, nil
}

func (c prepare) python(ctx context.Context) (string, error) {
	base, full, err := interpreter(ctx)
	if err != nil {
		return "", err
	}
	requirements, err := sources.ReadFile("python/requirements.txt")
	if err != nil {
		return "", err
	}
	dir, err := c.folder(ctx, "python-"+full, hash(string(requirements)), func(ctx context.Context, dir string) error {
		c.say("making a Python environment with aiozipkin, the SkyWalking agent and aiokafka")
		if err := run(ctx, base, "-m", "venv", dir); err != nil {
			return err
		}
		file := filepath.Join(dir, "requirements.txt")
		if err := os.WriteFile(file, requirements, 0o600); err != nil {
			return err
		}
		return run(ctx, filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--no-input",
			"--disable-pip-version-check", "--no-deps", "-r", file)
	})
	return filepath.Join(dir, "bin", "python"), err
}

// interpreter finds a Python 3 that runs: a name on the path may belong to a
// version switcher that has no such version to switch to.
func interpreter(ctx context.Context) (name, full string, err error) {
	var errs []error
	for _, name := range []string{"python3.11", "python3", "python"} {
		out, err := exec.CommandContext(ctx, name, "-c", "import sys, venv; print('.'.join(map(str, sys.version_info[:3])))").Output()
		full := strings.TrimSpace(string(out))
		if err == nil && strings.HasPrefix(full, "3.") {
			return name, full, nil
		}
		errs = append(errs, fmt.Errorf("%s: %q, %w", name, full, err))
	}
	return "", "", fmt.Errorf("no Python 3 with venv: %w", errors.Join(errs...))
}

// java fetches the agent, compiles the plugin that lets it trace the JDK's own
// HTTP server and client, and the service.
func (c prepare) java(ctx context.Context, p *parts) error {
	plugin, err := fs.Sub(sources, "java/plugin")
	if err != nil {
		return err
	}
	stock, err := fs.Sub(sources, "java/stock")
	if err != nil {
		return err
	}
	dir, err := c.folder(ctx, "java", hash(agentJar, key(plugin), key(stock)), func(ctx context.Context, dir string) error {
		c.say("fetching the SkyWalking agent for Java and compiling its plugin")
		agent := filepath.Join(dir, "agent")
		for _, folder := range []string{"plugins", "config"} {
			if err := os.MkdirAll(filepath.Join(agent, folder), 0o755); err != nil {
				return err
			}
		}
		jar := filepath.Join(agent, "skywalking-agent.jar")
		// The file must be there; all settings are arguments.
		config := filepath.Join(agent, "config", "agent.config")
		if err := errors.Join(
			os.WriteFile(config, []byte("logging.level=INFO\n"), 0o600),
			run(ctx, "mvn", "-B", "-q", getGoal, "-Dartifact="+agentJar, "-Dtransitive=false", "-Ddest="+jar),
		); err != nil {
			return err
		}
		classes := filepath.Join(dir, "plugin")
		if err := errors.Join(compile(ctx, plugin, jar, classes), compile(ctx, stock, "", filepath.Join(dir, "stock"))); err != nil {
			return err
		}
		return zipFolder(classes, filepath.Join(agent, "plugins", "fleet-plugin.jar"))
	})
	if err != nil {
		return err
	}
	if p.JavaAgent == "" {
		p.JavaAgent = filepath.Join(dir, "agent", "skywalking-agent.jar")
	}
	if p.JavaStock == "" {
		p.JavaStock = filepath.Join(dir, "stock")
	}
	return nil
}

// compile compiles the Java sources among the files and copies the others.
func compile(ctx context.Context, files fs.FS, classpath, to string) error {
	if err := os.CopyFS(to, files); err != nil {
		return err
	}
	args := []string{"-proc:none", "-encoding", "UTF-8", "-d", to}
	if classpath != "" {
		args = append(args, "-cp", classpath)
	}
	err := fs.WalkDir(files, ".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".java") {
			args = append(args, filepath.Join(to, path))
		}
		return err
	})
	if err != nil {
		return err
	}
	return run(ctx, "javac", args...)
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
	return errors.Join(w.Close(), f.Close())
}

// folder returns the folder of the cache for this content, and fills it first if
// it is not there.
func (c prepare) folder(ctx context.Context, name, content string, fill func(ctx context.Context, dir string) error) (string, error) {
	dir := filepath.Join(c.cache, name+"-"+content)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(c.cache, 0o755); err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(c.cache, name+"-new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(made)
	if err := fill(ctx, made); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if err := os.Rename(made, dir); err != nil {
		// Another launcher was faster.
		if _, gone := os.Stat(dir); gone == nil {
			return dir, nil
		}
		return "", err
	}
	return dir, nil
}

func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// key is a short name for the content of some files.
func key(files fs.FS) string {
	var texts []string
	_ = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, path)
		texts = append(texts, path, string(b))
		return err
	})
	return hash(texts...)
}

func hash(texts ...string) string {
	h := sha256.New()
	for _, s := range texts {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
