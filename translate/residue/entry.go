// SPDX-License-Identifier: Apache-2.0

package residue

import "github.com/spanbridge/spanbridge/translate"

// Key is the key of the attribute that holds a residue.
const Key = "bridge.x"

// Max is the greatest length of a residue in bytes.
const Max = 8 << 10

// head is how every residue begins.
const head = `{"v":1`

// headWithin is head within a JSON string.
const headWithin = `{\"v\":1`

// entry is a part of a residue that is written, dropped or found stale as a
// whole.
type entry uint8

const (
	entryHome entry = iota
	entryFields
	entryWireID
	entryWireParent
	entryShared
	entryNoWire
	entryParent
	entryName
	entryKind
	entryStart
	entryDuration
	entryStatus
	entryFlags
	entryState
	entryLocal
	entryRemote
	entryDropped
	entryScope
	entryResource
	entryRefs
	entryEvents
	entryAgent
	entryTypes
	entryAttrs
	entryResourceAttrs
	entryMade
	entryResourceMade
	numEntries = int(iota)
)

const noField = translate.Field(translate.NumFields)

// entries give for each entry its key and the field that is lost without it.
var entries = [numEntries]struct {
	key   string
	field translate.Field
}{
	entryHome:          {"p", noField},
	entryFields:        {"h", noField},
	entryWireID:        {"sid", translate.FieldIdentity},
	entryWireParent:    {"pid", translate.FieldIdentity},
	entryShared:        {"sh", translate.FieldIdentity},
	entryNoWire:        {"w", translate.FieldIdentity},
	entryParent:        {"pa", translate.FieldRefs},
	entryName:          {"n", translate.FieldName},
	entryKind:          {"kd", translate.FieldKind},
	entryStart:         {"st", translate.FieldStart},
	entryDuration:      {"du", translate.FieldDuration},
	entryStatus:        {"e", translate.FieldStatus},
	entryFlags:         {"f", translate.FieldFlags},
	entryState:         {"ts", translate.FieldTraceState},
	entryLocal:         {"le", translate.FieldLocal},
	entryRemote:        {"re", translate.FieldRemote},
	entryDropped:       {"dc", translate.FieldDropped},
	entryScope:         {"sc", translate.FieldScope},
	entryResource:      {"rs", translate.FieldResource},
	entryRefs:          {"l", translate.FieldRefs},
	entryEvents:        {"ev", translate.FieldEvents},
	entryAgent:         {"sw", translate.FieldAgent},
	entryTypes:         {"k", translate.FieldAttrTypes},
	entryAttrs:         {"d", translate.FieldAttrs},
	entryResourceAttrs: {"r", translate.FieldResource},
	entryMade:          {"x", noField},
	entryResourceMade:  {"xr", noField},
}

// opened are the beginnings of the entries, as they are and within a JSON string.
var opened = func() (all [2][numEntries]string) {
	for e := range entries {
		all[0][e] = `,"` + entries[e].key + `":`
		all[1][e] = `,\"` + entries[e].key + `\":`
	}
	return all
}()

// entryOf is the entry of a key.
func entryOf(key string) (entry, bool) {
	for e := range entries {
		if entries[e].key == key {
			return entry(e), true
		}
	}
	return 0, false
}

// order is what goes where a residue is too long, one after the other. Without
// the lists of attributes the conventions that they follow are of no use.
var order = [...][]entry{
	{entryEvents},
	{entryTypes},
	{entryAttrs, entryResourceAttrs, entryMade, entryResourceMade, entryHome, entryFields},
	{entryRefs},
	{entryScope},
	{entryAgent, entryResource},
	{entryState, entryStatus, entryName, entryRemote, entryLocal},
}
