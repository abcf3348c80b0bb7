// SPDX-License-Identifier: Apache-2.0

package franzgo

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// carrier is a record's headers as OpenTracing reads and writes them, and as
// package propagation does, which also takes out what is not written again.
type carrier struct {
	headers []kgo.RecordHeader
	own     bool // not the slice that records may share
}

// Each gives each header.
func (c *carrier) Each(f func(key, value string)) {
	for i := range c.headers {
		f(c.headers[i].Key, string(c.headers[i].Value))
	}
}

// ForeachKey gives each header until f fails.
func (c *carrier) ForeachKey(f func(key, value string) error) error {
	for i := range c.headers {
		if err := f(c.headers[i].Key, string(c.headers[i].Value)); err != nil {
			return err
		}
	}
	return nil
}

// Unescaped marks the carrier as one of any text.
func (*carrier) Unescaped() {}

// Set replaces a header.
func (c *carrier) Set(key, value string) {
	c.Del(key)
	c.copy()
	c.headers = append(c.headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
}

// Del takes a header out, in any case of the key.
func (c *carrier) Del(key string) {
	same := func(h kgo.RecordHeader) bool { return strings.EqualFold(h.Key, key) }
	if slices.ContainsFunc(c.headers, same) {
		c.copy()
		c.headers = slices.DeleteFunc(c.headers, same)
	}
}

func (c *carrier) copy() {
	if !c.own {
		const added = 6
		c.own = true
		c.headers = append(make([]kgo.RecordHeader, 0, len(c.headers)+added), c.headers...)
	}
}
