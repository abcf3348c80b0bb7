// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// envPrefix starts the names of all variables. The rest is the path of the
// setting in capitals with underscores: BRIDGE_RECEIVERS_ZIPKIN_LISTEN,
// BRIDGE_TARGETS_MY_OAP_ENDPOINT.
const envPrefix = "BRIDGE_"

// notSettings are variables with the prefix that are read elsewhere.
var notSettings = []string{"BRIDGE_CONFIG"}

// environment sets scalars from variables. A variable for a target that the
// file does not have makes one, under its name in lower case.
func (r *reader) environment(c *Config, environ []string) {
	vars := make(map[string]string)
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, envPrefix) && !slices.Contains(notSettings, k) {
			vars[k] = v
		}
	}
	if len(vars) == 0 {
		return
	}
	r.envTargets(c, vars)
	known := make(map[string]envSetting)
	collect(known, reflect.ValueOf(c).Elem(), "", envPrefix)
	names := make([]string, 0, len(vars))
	for k := range vars {
		names = append(names, k)
	}
	slices.Sort(names)
	all := make([]string, 0, len(known))
	for k := range known {
		all = append(all, k)
	}
	slices.Sort(all)
	for _, k := range names {
		p := place{text: "environment " + k}
		s, ok := known[k]
		if !ok {
			r.fault(p, "", "no such setting"+nearest(k, all), "a variable of a setting in docs/config.md")
			continue
		}
		r.scalar(p, s.value, s.path, vars[k])
	}
}

type envSetting struct {
	value reflect.Value
	path  string
}

// collect finds the scalars below v by the names of their variables.
func collect(into map[string]envSetting, v reflect.Value, path, name string) {
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		f, path, name := v.Field(i), join(path, key), name+envName(key)
		switch m := f.Addr().Interface().(type) {
		case *map[string]*Receiver:
			for k, x := range *m {
				collect(into, reflect.ValueOf(x).Elem(), join(path, k), name+"_"+envName(k)+"_")
			}
		case *map[string]*Target:
			for k, x := range *m {
				collect(into, reflect.ValueOf(x).Elem(), join(path, k), name+"_"+envName(k)+"_")
			}
		case *map[string]string: // not a scalar
		default:
			if f.Kind() == reflect.Struct {
				collect(into, f, path, name+"_")
			} else {
				into[name] = envSetting{f, path}
			}
		}
	}
}

func envName(key string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(key))
}

// envTargets makes the targets that only variables name.
func (r *reader) envTargets(c *Config, vars map[string]string) {
	suffixes := make(map[string]envSetting)
	collect(suffixes, reflect.ValueOf(defaultTarget()).Elem(), "", "_")
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		rest, ok := strings.CutPrefix(k, envPrefix+"TARGETS_")
		if !ok {
			continue
		}
		// The longest setting that the variable ends in leaves the name.
		setting := ""
		for s := range suffixes {
			if strings.HasSuffix(rest, s) && len(s) > len(setting) {
				setting = s
			}
		}
		name := strings.TrimSuffix(rest, setting)
		if setting == "" || name == "" || r.hasTarget(c, name) {
			continue
		}
		c.Targets[strings.ToLower(name)] = defaultTarget()
		r.places["targets."+strings.ToLower(name)] = place{text: "environment " + k}
	}
}

func (r *reader) hasTarget(c *Config, env string) bool {
	for name := range c.Targets {
		if envName(name) == env {
			return true
		}
	}
	return false
}
