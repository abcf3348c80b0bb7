// SPDX-License-Identifier: Apache-2.0

package otlp

// requestNames writes OTLP's JSON: ids in hex, enums as numbers.
var requestNames = requestMessage.Names(true)

// AppendJSON appends an ExportTraceServiceRequest in protobuf as OTLP's JSON.
func AppendJSON(dst, request []byte) ([]byte, error) {
	return requestNames.AppendJSON(dst, request)
}
