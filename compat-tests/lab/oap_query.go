// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// OAPService is a line of the service list.
type OAPService struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Layers []string `json:"layers"`
	Normal bool     `json:"normal"` // false for what only its callers report
}

// OAPInstance is a line of a service's instance list.
type OAPInstance struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Language string `json:"language"`
}

// OAPSegment is a line of the trace list.
type OAPSegment struct {
	SegmentID     string   `json:"segmentId"`
	EndpointNames []string `json:"endpointNames"`
	Duration      int      `json:"duration"`
	Start         string   `json:"start"`
	IsError       bool     `json:"isError"`
	TraceIDs      []string `json:"traceIds"`
}

// OAPSpan is a span of a trace.
type OAPSpan struct {
	TraceID      string        `json:"traceId"`
	SegmentID    string        `json:"segmentId"`
	SpanID       int           `json:"spanId"`
	ParentSpanID int           `json:"parentSpanId"`
	Refs         []OAPRef      `json:"refs"`
	Service      string        `json:"serviceCode"`
	Instance     string        `json:"serviceInstanceName"`
	StartTime    int64         `json:"startTime"`
	EndTime      int64         `json:"endTime"`
	Endpoint     string        `json:"endpointName"`
	Type         string        `json:"type"`
	Peer         string        `json:"peer"`
	Component    string        `json:"component"`
	IsError      bool          `json:"isError"`
	Layer        string        `json:"layer"`
	Tags         []OAPKeyValue `json:"tags"`
	Logs         []OAPLog      `json:"logs"`
}

// OAPRef points to the span of another segment.
type OAPRef struct {
	TraceID         string `json:"traceId"`
	ParentSegmentID string `json:"parentSegmentId"`
	ParentSpanID    int    `json:"parentSpanId"`
	Type            string `json:"type"` // CROSS_PROCESS or CROSS_THREAD
}

// OAPKeyValue is a tag or a field of a log.
type OAPKeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// OAPLog is an event of a span, with its time in milliseconds.
type OAPLog struct {
	Time int64         `json:"time"`
	Data []OAPKeyValue `json:"data"`
}

// OAPTopology is the global topology.
type OAPTopology struct {
	Nodes []OAPNode
	Calls []OAPCall
}

// OAPNode is a service, a virtual one or the User.
type OAPNode struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	IsReal bool     `json:"isReal"`
	Layers []string `json:"layers"`
}

// OAPCall is a line between two nodes.
type OAPCall struct {
	Source       string   `json:"source"` // id of a node
	Target       string   `json:"target"`
	DetectPoints []string `json:"detectPoints"` // CLIENT, SERVER or both
}

// Services lists the services that are known by a heartbeat or by their spans.
func (o *OAP) Services(ctx context.Context) ([]OAPService, error) {
	var answer struct{ Services []OAPService }
	return answer.Services, o.Ask(ctx, `query($d:Duration!){services:getAllServices(duration:$d){id name layers normal}}`,
		map[string]any{"d": lately()}, &answer)
}

// Instances lists the instances of a service.
func (o *OAP) Instances(ctx context.Context, service string) ([]OAPInstance, error) {
	id, err := o.serviceID(ctx, service)
	if err != nil {
		return nil, err
	}
	var answer struct{ Instances []OAPInstance }
	return answer.Instances, o.Ask(ctx, `query($d:Duration!,$s:ID!){instances:listInstances(duration:$d,serviceId:$s){id name language}}`,
		map[string]any{"d": lately(), "s": id}, &answer)
}

// Endpoints lists the endpoint names of a service.
func (o *OAP) Endpoints(ctx context.Context, service string) ([]string, error) {
	id, err := o.serviceID(ctx, service)
	if err != nil {
		return nil, err
	}
	var answer struct{ Endpoints []struct{ Name string } }
	if err := o.Ask(ctx, `query($s:ID!){endpoints:findEndpoint(serviceId:$s,keyword:"",limit:1000){name}}`,
		map[string]any{"s": id}, &answer); err != nil {
		return nil, err
	}
	var names []string
	for _, e := range answer.Endpoints {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names, nil
}

// SegmentsOf lists the segments of a trace.
func (o *OAP) SegmentsOf(ctx context.Context, trace string) ([]OAPSegment, error) {
	return o.segments(ctx, map[string]any{"traceId": trace})
}

// SegmentsBy lists the segments that a service reported, the newest first.
func (o *OAP) SegmentsBy(ctx context.Context, service string) ([]OAPSegment, error) {
	id, err := o.serviceID(ctx, service)
	if err != nil {
		return nil, err
	}
	return o.segments(ctx, map[string]any{"serviceId": id})
}

func (o *OAP) segments(ctx context.Context, condition map[string]any) ([]OAPSegment, error) {
	condition["queryDuration"] = lately()
	condition["traceState"] = "ALL"
	condition["queryOrder"] = "BY_START_TIME"
	condition["paging"] = map[string]any{"pageNum": 1, "pageSize": 1000}
	var answer struct{ Found struct{ Traces []OAPSegment } }
	err := o.Ask(ctx, `query($c:TraceQueryCondition){found:queryBasicTraces(condition:$c){
		traces{segmentId endpointNames duration start isError traceIds}}}`, map[string]any{"c": condition}, &answer)
	return answer.Found.Traces, err
}

// Trace returns all spans of a trace. A trace that is not there has none.
func (o *OAP) Trace(ctx context.Context, id string) ([]OAPSpan, error) {
	var answer struct{ Trace struct{ Spans []OAPSpan } }
	err := o.Ask(ctx, `query($t:ID!){trace:queryTrace(traceId:$t){spans{traceId segmentId spanId parentSpanId
		refs{traceId parentSegmentId parentSpanId type} serviceCode serviceInstanceName startTime endTime endpointName
		type peer component isError layer tags{key value} logs{time data{key value}}}}}`, map[string]any{"t": id}, &answer)
	return answer.Trace.Spans, err
}

// Topology returns the nodes and calls of the last minutes.
func (o *OAP) Topology(ctx context.Context) (OAPTopology, error) {
	var answer struct{ Topology OAPTopology }
	return answer.Topology, o.Ask(ctx, `query($d:Duration!){topology:getGlobalTopology(duration:$d){
		nodes{id name type isReal layers} calls{source target detectPoints}}}`, map[string]any{"d": lately()}, &answer)
}

// Lines shows the calls as "source→target SIDES", sorted, with SIDES such as
// CLIENT+SERVER.
func (t OAPTopology) Lines() []string {
	names := map[string]string{}
	for _, n := range t.Nodes {
		names[n.ID] = n.Name
	}
	var lines []string
	for _, c := range t.Calls {
		sides := slices.Sorted(slices.Values(c.DetectPoints))
		lines = append(lines, names[c.Source]+"→"+names[c.Target]+" "+strings.Join(sides, "+"))
	}
	slices.Sort(lines)
	return lines
}

func (o *OAP) serviceID(ctx context.Context, name string) (string, error) {
	services, err := o.Services(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	for _, s := range services {
		if s.Name == name {
			return s.ID, nil
		}
		names = append(names, s.Name)
	}
	return "", fmt.Errorf("service %q is not among %q", name, names)
}

// lately is the time around now: OAP wants its own zone, which is the one of
// this process too, and whole minutes.
func lately() map[string]any {
	const minute = "2006-01-02 1504"
	now := time.Now()
	return map[string]any{"start": now.Add(-30 * time.Minute).Format(minute), "end": now.Add(2 * time.Minute).Format(minute), "step": "MINUTE"}
}
