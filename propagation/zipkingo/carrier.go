// SPDX-License-Identifier: Apache-2.0

package zipkingo

import "strings"

// metadata is gRPC's: keys are lower case.
type metadata map[string][]string

func (m metadata) Set(key, value string) { m[strings.ToLower(key)] = []string{value} }
