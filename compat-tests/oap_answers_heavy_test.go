// SPDX-License-Identifier: Apache-2.0

//go:build heavy

package compat_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spanbridge/spanbridge/compat-tests/lab"
)

// oapSeen is what OAP shows of the services and their calls.
type oapSeen struct {
	*oapAnswers
	duration map[string]any
	services []lab.OAPService
	topology lab.OAPTopology
	nodes    map[string]lab.OAPNode
}

func (o *oapAnswers) seen(ctx context.Context) (*oapSeen, error) {
	const minute = "2006-01-02 1504"
	base := time.UnixMilli(o.base)
	s := &oapSeen{oapAnswers: o, nodes: make(map[string]lab.OAPNode), duration: map[string]any{
		"start": base.Add(-2 * time.Minute).Format(minute), "end": time.Now().Add(2 * time.Minute).Format(minute), "step": "MINUTE",
	}}
	var answer struct {
		Services []lab.OAPService
		Topology lab.OAPTopology
	}
	err := o.Ask(ctx, `query($d:Duration!){services:getAllServices(duration:$d){id name layers normal}
		topology:getGlobalTopology(duration:$d){nodes{id name type isReal layers} calls{source target detectPoints}}}`,
		map[string]any{"d": s.duration}, &answer)
	s.services, s.topology = answer.Services, answer.Topology
	for _, n := range s.topology.Nodes {
		s.nodes[n.ID] = n
	}
	return s, err
}

// serviceOf is the name in the id of a service, an instance or an endpoint.
func serviceOf(id string) string {
	id, _, _ = strings.Cut(id, "_")
	return base64Of(id[:max(strings.LastIndexByte(id, '.'), 0)])
}

func base64Of(s string) string {
	name, _ := base64.StdEncoding.DecodeString(s)
	return strings.ToValidUTF8(string(name), "\uFFFD")
}

// memberOf shows the id of an instance or endpoint with its service.
func memberOf(id string) string {
	_, member, _ := strings.Cut(id, "_")
	return serviceOf(id) + "/" + base64Of(member)
}

func detected(points []string) string {
	return strings.Join(slices.Sorted(slices.Values(points)), "+")
}

func normal(id string) bool { return strings.HasSuffix(id, ".1") }

// of is what OAP shows of one case, in the words of expect.json.
func (s *oapSeen) of(ctx context.Context, c *oapCase) (map[string]any, error) {
	out := make(map[string]any)
	if status := s.status[c.ID]; status != nil {
		out["http"] = status
	}
	mine := func(name string) bool {
		return strings.HasPrefix(name, c.ID+"-") || slices.Contains(c.Services, name)
	}
	services := []string{}
	for _, v := range s.services {
		if !mine(v.Name) {
			continue
		}
		line := v.Name
		if !v.Normal {
			line += " (not normal)"
		}
		services = append(services, line+" "+strings.Join(v.Layers, "+"))
	}
	slices.Sort(services)
	out["services"] = services
	if err := s.calls(ctx, c, mine, out); err != nil {
		return nil, err
	}
	for _, name := range c.Services {
		if name == "" {
			continue
		}
		v, err := s.service(ctx, name, len(c.Services) < 4)
		if err != nil {
			return nil, err
		}
		runes := []rune(name)
		out["service "+string(runes[:min(40, len(runes))])] = v
	}
	for _, trace := range c.Traces {
		v, err := s.trace(ctx, trace)
		if err != nil {
			return nil, err
		}
		out[traceKey(trace)] = v
	}
	return out, nil
}

// calls adds the topology around a case.
func (s *oapSeen) calls(ctx context.Context, c *oapCase, mine func(string) bool, out map[string]any) error {
	edges, touched := []string{}, make(map[string]bool)
	var instances []string
	for _, call := range s.topology.Calls {
		a, b := serviceOf(call.Source), serviceOf(call.Target)
		if mine(a) || mine(b) {
			var counts []string
			for _, side := range []string{"client", "server"} {
				v, err := s.metric(ctx, "service_relation_"+side+"_cpm", map[string]any{
					"serviceName": a, "normal": normal(call.Source), "destServiceName": b, "destNormal": normal(call.Target),
				})
				if err != nil {
					return err
				}
				if len(v) > 0 {
					counts = append(counts, fmt.Sprintf("%s %d", side, sum(v)))
				}
			}
			line := fmt.Sprintf("%s -> %s %s (%s)", a, b, detected(call.DetectPoints), strings.Join(counts, ", "))
			if a == "_blank" || b == "_blank" {
				line += " BLANK"
			}
			edges = append(edges, line)
			touched[call.Source], touched[call.Target] = true, true
		}
		if slices.Contains(c.Services, a) && mine(b) && normal(call.Source) && normal(call.Target) {
			var answer struct{ R lab.OAPTopology }
			if err := s.Ask(ctx, `query($a:ID!,$b:ID!,$d:Duration!){r:getServiceInstanceTopology(clientServiceId:$a,serverServiceId:$b,duration:$d){calls{source target detectPoints}}}`,
				map[string]any{"a": call.Source, "b": call.Target, "d": s.duration}, &answer); err != nil {
				return err
			}
			if instances == nil {
				instances = []string{}
			}
			for _, i := range answer.R.Calls {
				instances = append(instances, memberOf(i.Source)+" -> "+memberOf(i.Target)+" "+detected(i.DetectPoints))
			}
		}
	}
	nodes := []string{}
	for id := range touched {
		n, ok := s.nodes[id]
		if !ok || !mine(n.Name) {
			continue
		}
		real := "not real"
		if n.IsReal {
			real = "real"
		}
		kind := n.Type
		if kind == "" {
			kind = "None"
		}
		nodes = append(nodes, fmt.Sprintf("%s %s %s %s", n.Name, kind, detected(n.Layers), real))
	}
	slices.Sort(edges)
	slices.Sort(nodes)
	out["edges"], out["nodes"] = edges, nodes
	if instances != nil {
		slices.Sort(instances)
		out["instance edges"] = slices.Compact(instances)
	}
	return nil
}

// service is what OAP shows of a service: endpoints with their calls, instances,
// metrics.
func (s *oapSeen) service(ctx context.Context, name string, withEdges bool) (map[string]any, error) {
	id := base64.StdEncoding.EncodeToString([]byte(name)) + ".1"
	var answer struct {
		Endpoints []struct {
			ID string
			// As OAP writes it: a name that was cut may end in half a character,
			// which a string cannot hold.
			Name json.RawMessage
		}
		Instances []struct {
			Name, Language string
			Attributes     []struct{ Name string }
		}
	}
	if err := s.Ask(ctx, `query($s:ID!,$d:Duration!){endpoints:findEndpoint(serviceId:$s,limit:50){id name}
		instances:listInstances(serviceId:$s,duration:$d){name language attributes{name}}}`, map[string]any{"s": id, "d": s.duration}, &answer); err != nil {
		return nil, err
	}
	out := make(map[string]any)
	endpoints, edges := []string{}, make(map[string]bool)
	for _, e := range answer.Endpoints {
		calls, err := s.metric(ctx, "endpoint_cpm", map[string]any{"serviceName": name, "normal": true, "endpointName": e.Name})
		if err != nil {
			return nil, err
		}
		var shown string
		if err := json.Unmarshal(e.Name, &shown); err != nil {
			return nil, err
		}
		runes := []rune(shown)
		endpoints = append(endpoints, fmt.Sprintf("%s (%d)", string(runes[:min(160, len(runes))]), sum(calls)))
		if !withEdges {
			continue
		}
		var around struct{ R lab.OAPTopology }
		if err := s.Ask(ctx, `query($i:ID!,$d:Duration!){r:getEndpointDependencies(endpointId:$i,duration:$d){calls{source target}}}`,
			map[string]any{"i": e.ID, "d": s.duration}, &around); err != nil {
			return nil, err
		}
		for _, c := range around.R.Calls {
			edges[memberOf(c.Source)+" -> "+memberOf(c.Target)] = true
		}
	}
	slices.Sort(endpoints)
	out["endpoints"] = endpoints
	if withEdges && len(endpoints) > 0 {
		out["endpoint edges"] = append([]string{}, slices.Sorted(maps.Keys(edges))...)
	}
	instances := []string{}
	for _, i := range answer.Instances {
		line := i.Name + " " + i.Language
		if len(i.Attributes) > 0 {
			var names []string
			for _, a := range i.Attributes {
				names = append(names, a.Name)
			}
			slices.Sort(names)
			line += "+" + strings.Join(names, ",")
		}
		instances = append(instances, line)
	}
	slices.Sort(instances)
	out["instances"] = instances
	for key, metric := range map[string]string{"calls": "service_cpm", "resp": "service_resp_time", "sla": "service_sla"} {
		v, err := s.metric(ctx, metric, map[string]any{"serviceName": name, "normal": true})
		if err != nil {
			return nil, err
		}
		if key == "calls" {
			out[key] = sum(v)
		} else {
			out[key] = append([]int{}, v...)
		}
	}
	return out, nil
}

// metric evaluates an expression over the minutes of the run.
func (s *oapSeen) metric(ctx context.Context, name string, entity map[string]any) (values []int, err error) {
	var answer struct {
		R struct {
			Error   string
			Results []struct{ Values []struct{ Value *string } }
		}
	}
	if err := s.Ask(ctx, `query($x:String!,$e:Entity!,$d:Duration!){r:execExpression(expression:$x,entity:$e,duration:$d){error results{values{value}}}}`,
		map[string]any{"x": name, "e": entity, "d": s.duration}, &answer); err != nil {
		return nil, err
	}
	if answer.R.Error != "" {
		return nil, fmt.Errorf("%s of %v: %s", name, entity, answer.R.Error)
	}
	for _, r := range answer.R.Results {
		for _, v := range r.Values {
			if v.Value == nil {
				continue
			}
			var n float64
			if _, err := fmt.Sscan(*v.Value, &n); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", name, *v.Value, err)
			}
			values = append(values, int(n))
		}
	}
	return values, nil
}

func sum(values []int) (n int) {
	for _, v := range values {
		n += v
	}
	return n
}

// trace is a trace in the list and as a tree.
func (s *oapSeen) trace(ctx context.Context, id string) (map[string]any, error) {
	const day = "2006-01-02"
	base := time.UnixMilli(s.base)
	var answer struct {
		Found struct{ Traces []lab.OAPSegment }
	}
	if err := s.Ask(ctx, `query($c:TraceQueryCondition){found:queryBasicTraces(condition:$c){traces{segmentId endpointNames duration start isError traceIds}}}`,
		map[string]any{"c": map[string]any{
			"traceId": id, "traceState": "ALL", "queryOrder": "BY_START_TIME", "paging": map[string]any{"pageNum": 1, "pageSize": 300},
			"queryDuration": map[string]any{"start": base.AddDate(0, 0, -12).Format(day), "end": base.AddDate(0, 0, 2).Format(day), "step": "DAY"},
		}}, &answer); err != nil {
		return nil, err
	}
	out := make(map[string]any)
	rows := []string{}
	for _, r := range answer.Found.Traces {
		names := []rune(strings.Join(r.EndpointNames, ","))
		line := fmt.Sprintf("%s %d ms", string(names[:min(160, len(names))]), r.Duration)
		if r.IsError {
			line += " ERR"
		}
		rows = append(rows, line)
	}
	slices.Sort(rows)
	out["list"] = rows
	if len(rows) > 30 {
		out["list"] = fmt.Sprintf("%d rows", len(rows))
	}
	spans, err := s.Trace(ctx, id)
	if err != nil {
		return nil, err
	}
	lines, roots := oapTree(spans)
	out["spans"], out["roots"], out["tree"], out["booster"] = len(spans), roots, lines, boosterFaults(id, spans)
	return out, nil
}

// spot is a span's place.
type spot struct {
	segment string
	number  int
}

// oapTree is the tree as OAP's query joins it: the last reference of a span
// wins over its number in the segment (TraceQueryService.sortSpans).
func oapTree(spans []lab.OAPSpan) (lines []string, roots int) {
	there := make(map[spot]bool)
	for _, s := range spans {
		there[spot{s.SegmentID, s.SpanID}] = true
	}
	children := make(map[spot][]*lab.OAPSpan)
	var tops []*lab.OAPSpan
	for i := range spans {
		s := &spans[i]
		up := spot{s.SegmentID, s.ParentSpanID}
		if n := len(s.Refs); n > 0 {
			up = spot{s.Refs[n-1].ParentSegmentID, s.Refs[n-1].ParentSpanID}
		}
		if there[up] {
			children[up] = append(children[up], s)
		} else {
			tops = append(tops, s)
		}
	}
	slices.SortStableFunc(tops, func(a, b *lab.OAPSpan) int { return cmp.Compare(a.StartTime, b.StartTime) })
	lines = []string{}
	deepest := 0
	var show func(s *lab.OAPSpan, depth int, above map[spot]bool)
	show = func(s *lab.OAPSpan, depth int, above map[spot]bool) {
		at := spot{s.SegmentID, s.SpanID}
		name := []rune(s.Endpoint)
		line := strings.Repeat(". ", depth) + s.Service + " " + s.Type + " " + string(name[:min(60, len(name))])
		if s.Peer != "" {
			line += " ->" + s.Peer
		}
		if s.IsError {
			line += " ERR"
		}
		lines = append(lines, line+" "+s.Component)
		deepest = max(deepest, strings.Count(line, ". "))
		if above[at] {
			lines = append(lines, "loop")
			return
		}
		above[at] = true
		for _, child := range children[at] {
			show(child, depth+1, above)
		}
		delete(above, at)
	}
	for _, s := range tops {
		show(s, 0, make(map[spot]bool))
	}
	if len(lines) > 40 {
		lines = append(lines[:3], fmt.Sprintf("... %d lines, deepest level %d", len(lines), deepest))
	}
	return lines, len(tops)
}

// boosterFaults are what booster-ui draws wrong, by its own rules
// (D3Graph/Index.vue): roots whose references lead nowhere, segments that it
// hides, numbers with holes, second roots.
func boosterFaults(trace string, spans []lab.OAPSpan) map[string]int {
	there := make(map[spot]bool)
	roots := make(map[string][]*lab.OAPSpan)
	for i := range spans {
		s := &spans[i]
		there[spot{s.SegmentID, s.SpanID}] = true
		if s.ParentSpanID == -1 {
			roots[s.SegmentID] = append(roots[s.SegmentID], s)
		}
	}
	faults := make(map[string]int)
	for _, s := range spans {
		if s.ParentSpanID != -1 && !there[spot{s.SegmentID, s.SpanID - 1}] {
			faults["hole"]++
		}
	}
	for _, of := range roots {
		numbers := make(map[int]bool)
		for _, s := range of {
			numbers[s.SpanID] = true
		}
		if n := len(numbers) - 1; n > 0 {
			faults["second root"] += n
		}
		refs := of[len(of)-1].Refs
		if len(refs) == 0 {
			continue
		}
		good, found := 0, false
		for _, r := range refs {
			if r.TraceID == trace {
				good++
				found = found || there[spot{r.ParentSegmentID, r.ParentSpanID}]
			}
		}
		switch {
		case good == 0:
			faults["hidden"]++
		case !found:
			faults["vnode"]++
		}
	}
	return faults
}
