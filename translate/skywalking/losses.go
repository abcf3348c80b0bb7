// SPDX-License-Identifier: Apache-2.0

package skywalking

import "github.com/spanbridge/spanbridge/translate"

// Losses are what the spans added since Reset could not carry.
func (e *Encoder) Losses() *translate.Losses { return &e.losses }
