// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/translate/jaeger"
)

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
	cfg, err := config.Read(file, w.environ, known(list))
	if err != nil {
		return err
	}
	faults := checkAccess(file, cfg, known(list).Ports)
	if name := cfg.Sampling.StrategiesFile; name != "" {
		data, err := os.ReadFile(name)
		if err == nil {
			_, err = jaeger.ParseStrategies(data)
		}
		if err != nil {
			faults = append(faults, config.Fault{Place: file, Path: "sampling.strategies_file", Found: err.Error()})
		}
	}
	for name, t := range cfg.Targets {
		kind, _ := target(list, t.Kind)
		e, err := exporters.New(kind, exporterSettings(t))
		if err != nil {
			faults = append(faults, config.Fault{Place: file, Path: "targets." + name, Found: err.Error()})
			continue
		}
		e.Close()
	}
	if len(faults) > 0 {
		return faults
	}
	printPorts(w.out, cfg, nil, list)
	fmt.Fprintln(w.out, "\nThe configuration is good.")
	return nil
}
