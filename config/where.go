// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Where is the place of a setting, "bridge.yaml:12": of the nearest one above it
// that the file has, or the file alone.
func Where(file, path string) string {
	data, err := os.ReadFile(file)
	var doc yaml.Node
	if err != nil || yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return file
	}
	place, n := file, follow(doc.Content[0])
	for key := range strings.SplitSeq(path, ".") {
		i := 0
		for ; i+1 < len(n.Content) && (n.Kind != yaml.MappingNode || n.Content[i].Value != key); i += 2 {
		}
		if i+1 >= len(n.Content) {
			break
		}
		place = file + ":" + strconv.Itoa(n.Content[i].Line)
		n = follow(n.Content[i+1])
	}
	return place
}
