// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"

	"github.com/spanbridge/spanbridge/config"
	"github.com/spanbridge/spanbridge/exporters"
	"github.com/spanbridge/spanbridge/translate"
)

// source is where a configuration comes from.
type source struct {
	file    string
	environ []string
	list    []translate.Protocol
}

// read reads a configuration and the files that it names, and checks all that can
// be checked before anything is opened. The error is every fault.
func (s source) read() (*config.Config, error) {
	cfg, err := config.Read(s.file, s.environ, known(s.list))
	if err != nil {
		return nil, err
	}
	faults := checkAccess(s.file, cfg, known(s.list).Ports)
	if _, _, err := readStrategies(cfg.Sampling.StrategiesFile); err != nil {
		faults = append(faults, s.fault("sampling.strategies_file", err.Error(), ""))
	}
	for name, t := range enabled(cfg) {
		kind, _ := target(s.list, t.Kind) // checked by config
		e, err := exporters.New(kind, exporterSettings(t))
		if err != nil {
			faults = append(faults, fileFault(s.file, "targets."+name, err))
			continue
		}
		e.Close()
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return cfg, nil
}

// fault is something wrong with a setting, with its place.
func (s source) fault(path, found, want string) config.Fault {
	return config.Fault{Place: cmp.Or(config.Where(s.file, path), "configuration"), Path: path, Found: found, Want: want}
}
