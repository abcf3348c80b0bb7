// SPDX-License-Identifier: Apache-2.0

// Package payload carries a trace in the data of a request, where services
// expect it there and in no header: in a member of a JSON body, or in a
// parameter of the query. sanic_zipkin's zipkin_headers is such a field, and so
// are Dubbo's attachments and the headers that some put into the body of a
// message.
//
// A Field says where it is and how it is written. What goes in is the body or the
// query as it came; what comes out is a propagation.Context, or the same body or
// query with the field set. All other bytes stay as they are: order, white space
// and the digits of numbers.
//
// A body that is no JSON object, or that is longer than the field's bound, is an
// error and is not touched. A request without the field gives an empty context.
package payload
