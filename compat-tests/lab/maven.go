// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The versions of the plugin are pinned: the default of an installed Maven
// differs from one machine to the next. Only the old one fetches an artifact
// whose parent project was never published, as that of SkyWalking's Java agent.
const (
	getGoal  = "org.apache.maven.plugins:maven-dependency-plugin:2.8:get"
	copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
)

// Jar returns the path of one artifact without its dependencies, named as
// group:artifact:version or group:artifact:version:packaging:classifier.
func Jar(t testing.TB, coordinates string) string {
	t.Helper()
	parts := strings.Split(coordinates, ":")
	if len(parts) < 3 {
		t.Fatalf("lab: artifact %q, want group:artifact:version[:packaging:classifier]", coordinates)
	}
	file := parts[1] + "-" + parts[2] + ".jar"
	if len(parts) == 5 {
		file = parts[1] + "-" + parts[2] + "-" + parts[4] + ".jar"
	}
	dir := Fetch(t, "jar/"+strings.ReplaceAll(coordinates, ":", "_"), func(ctx context.Context, dir string) error {
		return mvn(ctx, dir, getGoal, "-Dartifact="+coordinates, "-Dtransitive=false", "-Ddest="+filepath.Join(dir, file))
	})
	return filepath.Join(dir, file)
}

// Classpath returns a Java class path with the artifacts and all that they need
// at run time.
func Classpath(t testing.TB, name string, coordinates ...string) string {
	t.Helper()
	pom := projectOf(t, coordinates)
	dir := Fetch(t, "classpath/"+name+"-"+contentKey(pom), func(ctx context.Context, dir string) error {
		file := filepath.Join(dir, "pom.xml")
		if err := os.WriteFile(file, []byte(pom), 0o644); err != nil {
			return err
		}
		return mvn(ctx, dir, "-f", file, copyGoal,
			"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(dir, "lib"))
	})
	return filepath.Join(dir, "lib", "*")
}

// mvn runs Maven with a repository of its own, so that a run neither depends on
// nor changes what the user has in theirs.
func mvn(ctx context.Context, dir string, args ...string) error {
	root, err := Dir()
	if err != nil {
		return err
	}
	repository := filepath.Join(root, "maven-repository")
	// Maven's file store is not safe for two processes at once.
	unlock, err := lockFile(ctx, filepath.Join(root, "locks", "maven-repository"))
	if err != nil {
		return err
	}
	defer unlock()
	args = append([]string{"-B", "-q", "-Dmaven.repo.local=" + repository}, args...)
	return retry(ctx, "mvn "+strings.Join(args, " "), func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, "mvn", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, lastLines(out))
		}
		return nil
	})
}

type dependency struct {
	GroupID    string `xml:"groupId"`
	ArtifactID string `xml:"artifactId"`
	Version    string `xml:"version"`
}

// projectOf is a Maven project that needs the artifacts and does nothing else.
func projectOf(t testing.TB, coordinates []string) string {
	t.Helper()
	project := struct {
		XMLName      xml.Name     `xml:"project"`
		ModelVersion string       `xml:"modelVersion"`
		GroupID      string       `xml:"groupId"`
		ArtifactID   string       `xml:"artifactId"`
		Version      string       `xml:"version"`
		Packaging    string       `xml:"packaging"`
		Dependencies []dependency `xml:"dependencies>dependency"`
	}{ModelVersion: "4.0.0", GroupID: "lab", ArtifactID: "lab", Version: "1", Packaging: "pom"}
	for _, c := range coordinates {
		parts := strings.Split(c, ":")
		if len(parts) != 3 {
			t.Fatalf("lab: artifact %q, want group:artifact:version", c)
		}
		project.Dependencies = append(project.Dependencies, dependency{parts[0], parts[1], parts[2]})
	}
	b, err := xml.MarshalIndent(project, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
