// SPDX-License-Identifier: Apache-2.0

package skywalking

// segmentNames writes the JSON that agents send by HTTP.
var segmentNames = segmentFields.Names(false)

// AppendSegmentJSON appends a SegmentObject in protobuf as the JSON that
// /v3/segment takes.
func AppendSegmentJSON(dst, segment []byte) ([]byte, error) {
	return segmentNames.AppendJSON(dst, segment)
}
