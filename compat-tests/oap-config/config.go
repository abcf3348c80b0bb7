// SPDX-License-Identifier: Apache-2.0

// Package oapconfig holds the smallest configuration with which SkyWalking OAP
// 10.1.0 starts and shows traces, services, instances and the topology. Its jars
// carry none. Environment variables fill in the ports; see application.yml.
package oapconfig

import (
	"embed"
	"io/fs"
)

//go:embed files
var files embed.FS

// Files is the folder that goes onto the class path of OAP.
func Files() fs.FS {
	f, err := fs.Sub(files, "files")
	if err != nil {
		panic(err) // the folder is part of this package
	}
	return f
}
