// SPDX-License-Identifier: Apache-2.0
package org.apache.skywalking.apm.agent.core.context;

import brave.propagation.B3Propagation;
import brave.propagation.B3SingleFormat;
import brave.propagation.Propagation;
import brave.propagation.SamplingFlags;
import brave.propagation.TraceContext;
import brave.propagation.TraceContextOrSamplingFlags;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads headers with Brave and with the SkyWalking agent's ContextCarrier, and writes some. It is in
 * the agent's package for the parts that are not public. Input and output are as in headers_app.py.
 */
public final class Headers {
  static final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  static String text(Object value) {
    return Base64.getEncoder().encodeToString(value.toString().getBytes(StandardCharsets.UTF_8));
  }

  static String plain(String text) {
    return new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
  }

  static void say(String kind, String first, String second, Map<String, String> fields, Map<String, String> headers) {
    out.println(kind + " " + text(first) + " " + text(second));
    fields.forEach((name, value) -> {
      if (value != null && !value.isEmpty()) out.println(name + " " + text(value));
    });
    headers.forEach((key, value) -> out.println("header " + text(key) + " " + text(value)));
  }

  // Brave.

  static Map<String, String> ofBrave(TraceContextOrSamplingFlags extracted) {
    Map<String, String> fields = new LinkedHashMap<>();
    TraceContext context = extracted.context();
    if (context != null) {
      fields.put("Trace", context.traceIdString());
      fields.put("Span", context.spanIdString());
      fields.put("Parent", context.parentIdString());
      fields.put("Sampling", "defer");
    }
    if (extracted.samplingFlags() != null || context != null) {
      Boolean sampled = extracted.sampled();
      boolean debug = context != null ? context.debug() : extracted.samplingFlags().debug();
      if (debug) fields.put("Sampling", "debug");
      else if (sampled != null) fields.put("Sampling", sampled ? "accept" : "deny");
    }
    return fields;
  }

  static Map<String, String> readBrave(Map<String, String> headers, String prefix) {
    return ofBrave(B3Propagation.get().<Map<String, String>>extractor(
        (m, key) -> key.toLowerCase().startsWith(prefix) ? m.get(key) : null).extract(headers));
  }

  static void writeBrave() {
    for (long high : new long[] {0, 0x463ac35c9f6413adL}) {
      for (Long parent : new Long[] {null, 0x48485a3953bb6124L}) {
        for (String sampling : new String[] {"defer", "deny", "accept", "debug"}) {
          TraceContext.Builder b = TraceContext.newBuilder().traceIdHigh(high).traceId(0x48485a3953bb6124L)
              .spanId(0x00f067aa0ba902b7L).parentId(parent);
          if (sampling.equals("debug")) b.debug(true);
          else if (!sampling.equals("defer")) b.sampled(sampling.equals("accept"));
          TraceContext context = b.build();
          for (B3Propagation.Format format : B3Propagation.Format.values()) {
            Map<String, String> headers = new TreeMap<>();
            Propagation<String> propagation = B3Propagation.newFactoryBuilder().injectFormat(format).build().get();
            propagation.<Map<String, String>>injector(Map::put).inject(context, headers);
            Map<String, String> fields = ofBrave(TraceContextOrSamplingFlags.create(context));
            if (format == B3Propagation.Format.SINGLE_NO_PARENT) fields.remove("Parent");
            // Without a decision the single form has the parent in the place of it.
            say("writing", "brave " + format, context + " " + sampling, fields, headers);
          }
        }
      }
    }
    for (SamplingFlags flags : new SamplingFlags[] {SamplingFlags.NOT_SAMPLED, SamplingFlags.SAMPLED, SamplingFlags.DEBUG}) {
      String b3 = flags.debug() ? "d" : flags.sampled() ? "1" : "0";
      Map<String, String> fields = ofBrave(B3SingleFormat.parseB3SingleFormat(b3));
      say("writing", "brave flags", b3, fields, Map.of("b3", b3));
    }
  }

  // The agent.

  static ContextCarrier carrierOf(Map<String, String> headers) {
    ContextCarrier carrier = new ContextCarrier();
    CarrierItem next = carrier.items();
    while (next.hasNext()) { // as the agent's plugins do
      next = next.next();
      next.setHeadValue(headers.get(next.getHeadKey()));
    }
    return carrier;
  }

  @SuppressWarnings("unchecked")
  static Map<String, String> correlation(ContextCarrier carrier) throws ReflectiveOperationException {
    Field data = CorrelationContext.class.getDeclaredField("data");
    data.setAccessible(true);
    return (Map<String, String>) data.get(carrier.getCorrelationContext());
  }

  static Map<String, String> ofAgent(ContextCarrier carrier) throws ReflectiveOperationException {
    Map<String, String> fields = new LinkedHashMap<>();
    if (!carrier.isValid()) return fields;
    fields.put("Name", carrier.getTraceId());
    fields.put("Segment", carrier.getTraceSegmentId());
    fields.put("Number", Integer.toString(carrier.getSpanId()));
    fields.put("Service", carrier.getParentService());
    fields.put("Instance", carrier.getParentServiceInstance());
    fields.put("Endpoint", carrier.getParentEndpoint());
    fields.put("Address", carrier.getAddressUsedAtClient());
    Field skip = ExtensionContext.class.getDeclaredField("skipAnalysis");
    skip.setAccessible(true);
    fields.put("Skip", skip.get(carrier.getExtensionContext()).toString());
    Long sent = carrier.getExtensionContext().getSendingTimestamp();
    fields.put("Sent", sent == null ? "" : sent.toString());
    correlation(carrier).forEach((key, value) -> fields.put("Baggage." + text(key), value));
    return fields;
  }

  static void writeAgent() throws ReflectiveOperationException {
    for (int kind = 0; kind < 4; kind++) {
      ContextCarrier carrier = new ContextCarrier();
      if (kind < 3) {
        carrier.setTraceId("56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430001");
        carrier.setTraceSegmentId("56a5e1c519ae4c76a2b8b11d92cead7f.12.16563474296430002");
        carrier.setSpanId(kind * 7);
        carrier.setParentService("order-世界");
        carrier.setParentServiceInstance("56a5e1c519ae4c76a2b8b11d92cead7f@10.0.0.5");
        carrier.setParentEndpoint("GET:/orders/{id}");
        carrier.setAddressUsedAtClient("billing:8080");
      }
      if (kind == 1) {
        carrier.getCorrelationContext().put("user", "Jürgen");
        carrier.getCorrelationContext().put("tier", "gold, silver; bronze");
        carrier.getExtensionContext().setSendingTimestamp(1700000000123L);
      }
      if (kind == 2) {
        Field skip = ExtensionContext.class.getDeclaredField("skipAnalysis");
        skip.setAccessible(true);
        skip.set(carrier.getExtensionContext(), true);
      }
      Map<String, String> headers = new TreeMap<>();
      CarrierItem next = carrier.items();
      while (next.hasNext()) {
        next = next.next();
        headers.put(next.getHeadKey(), next.getHeadValue());
      }
      Map<String, String> fields = ofAgent(carrier);
      if (kind < 3) fields.put("Sampling", "accept");
      say("writing", "skywalking-java", "carrier " + kind, fields, headers);
    }
  }

  interface Read {
    Map<String, String> read() throws Exception;
  }

  static void reading(String number, String parser, Read read) {
    Map<String, String> fields;
    try {
      fields = read.read();
    } catch (Exception e) {
      fields = Map.of("Fault", e.toString());
    }
    say("reading", number, parser, fields, Map.of());
  }

  static void read(String number, Map<String, String> headers) {
    reading(number, "brave b3", () -> readBrave(headers, "b3"));
    reading(number, "brave X-B3", () -> readBrave(headers, "x-b3-"));
    reading(number, "skywalking-java", () -> ofAgent(carrierOf(headers)));
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String number = null;
    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split(" ", 2);
      if (words[0].equals("sample")) {
        if (number != null) read(number, headers);
        number = words[1];
        headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
      } else {
        headers.put(plain(words[0]), words.length > 1 ? plain(words[1]) : "");
      }
    }
    if (number != null) read(number, headers);
    writeBrave();
    writeAgent();
    out.flush();
  }
}
