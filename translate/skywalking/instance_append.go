// SPDX-License-Identifier: Apache-2.0

package skywalking

// AppendProperties appends the message InstanceProperties for a process: names
// are cut as in its segments, pairs are keys and values.
func AppendProperties(dst []byte, service, instance string, pairs ...[2]string) []byte {
	dst = AppendPing(dst, service, instance)
	for _, p := range pairs {
		dst = appendPair(dst, 3, p[0], p[1])
	}
	return dst
}

// AppendPing appends the message InstancePingPkg for a process.
func AppendPing(dst []byte, service, instance string) []byte {
	dst = appendText(dst, 1, cut(or(service, unknown), maxService))
	return appendText(dst, 2, cut(or(instance, unknown), maxInstance))
}
