// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

type validateCmd struct {
	Config string `short:"c" env:"BRIDGE_CONFIG" placeholder:"FILE" help:"The configuration (YAML)."`
	File   string `arg:"" optional:"" help:"The same as --config."`
}

// Run reads the configuration and what it names, and says what it would do.
func (v *validateCmd) Run(w *world) error {
	file := v.Config
	if v.File != "" {
		file = v.File
	}
	list := protocols(nil)
	cfg, err := source{file, w.environ, list}.read()
	if err != nil {
		return err
	}
	printPorts(w.out, cfg, nil, list)
	fmt.Fprintln(w.out, "\nThe configuration is good.")
	return nil
}
