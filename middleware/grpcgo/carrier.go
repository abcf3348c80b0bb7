// SPDX-License-Identifier: Apache-2.0

package grpcgo

import (
	"strings"

	"google.golang.org/grpc/metadata"
)

// carrier is metadata as OpenTracing reads and writes it, and as package
// propagation does, which also takes out what is not written again.
type carrier metadata.MD

// Each gives each value.
func (c carrier) Each(f func(key, value string)) {
	for k, vs := range c {
		for _, v := range vs {
			f(k, v)
		}
	}
}

// Del takes a key out.
func (c carrier) Del(key string) { delete(c, strings.ToLower(key)) }

// ForeachKey gives each value.
func (c carrier) ForeachKey(f func(key, value string) error) error {
	for k, vs := range c {
		for _, v := range vs {
			if err := f(k, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Set replaces a value. One that gRPC does not allow would fail the call.
func (c carrier) Set(key, value string) {
	if key = strings.ToLower(key); validKey(key) && validValue(value) {
		c[key] = []string{value}
	}
}

func validKey(key string) bool {
	for i := range len(key) {
		switch b := key[i]; {
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '-', b == '_', b == '.':
		default:
			return false
		}
	}
	return key != "" && !strings.HasPrefix(key, "grpc-") && !strings.HasSuffix(key, "-bin")
}

func validValue(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}
