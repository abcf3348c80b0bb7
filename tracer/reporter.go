// SPDX-License-Identifier: Apache-2.0

package tracer

import "context"

// nobody takes no spans.
type nobody struct{}

func (nobody) Report(*Record)              {}
func (nobody) Close(context.Context) error { return nil }
