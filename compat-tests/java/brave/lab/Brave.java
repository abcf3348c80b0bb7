// SPDX-License-Identifier: Apache-2.0
package lab;

import brave.Span;
import brave.Tracing;
import brave.propagation.TraceContext;
import brave.propagation.TraceContextOrSamplingFlags;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import zipkin2.reporter.Encoding;
import zipkin2.reporter.brave.AsyncZipkinSpanHandler;
import zipkin2.reporter.urlconnection.URLConnectionSender;

/**
 * Plays a story with Brave: {@code brave-shop} calls {@code brave-stock}, which asks a database,
 * fails, and sends a message that {@code brave-shop} takes. Headers go through a map, as the body
 * of a request is no business of tracing.
 *
 * <p>Arguments: URL of POST /api/v2/spans, JSON or PROTO3, shared or separate, 64 or 128. Prints
 * the story as one line of JSON when all spans have been sent.
 */
public final class Brave {
  static final String SHOP = "brave-shop";
  static final String STOCK = "brave-stock";
  static final String FAULT = "sold out ünï";
  static final String TEXT = "世界 🚀";

  final boolean shared;
  final Tracing shop;
  final Tracing stock;
  final List<String> spans = new ArrayList<>();

  Brave(AsyncZipkinSpanHandler handler, boolean shared, boolean bits128) {
    this.shared = shared;
    shop = tracing(SHOP, "10.0.0.1", 8080, handler, bits128);
    stock = tracing(STOCK, "2001:db8::2", 9090, handler, bits128);
  }

  Tracing tracing(String name, String ip, int port, AsyncZipkinSpanHandler handler, boolean bits128) {
    return Tracing.newBuilder().localServiceName(name).localIp(ip).localPort(port)
        .supportsJoin(shared).traceId128Bit(bits128).addSpanHandler(handler).build();
  }

  void play() {
    Span root = shop.tracer().newTrace().kind(Span.Kind.SERVER).name("GET /cart λ").start();
    root.remoteIpAndPort("10.0.0.99", 40000);
    root.tag("http.method", "GET");
    tell(root, "root", "", SHOP, "GET /cart λ", "SERVER",
        "\"tags\":{\"http.method\":\"GET\"},\"remote\":{\"ip\":\"10.0.0.99\",\"port\":40000}");

    Span call = shop.tracer().newChild(root.context()).kind(Span.Kind.CLIENT).name("GET").start();
    call.remoteServiceName(STOCK);
    call.remoteIpAndPort("10.0.0.2", 9090);
    tell(call, "call", "root", SHOP, "GET", "CLIENT",
        "\"remote\":{\"service\":\"" + STOCK + "\",\"ip\":\"10.0.0.2\",\"port\":9090}");
    Map<String, String> message = serve(headers(shop, call.context()));
    call.finish();

    Span take = shop.tracer().nextSpan(extract(shop, message)).kind(Span.Kind.CONSUMER).name("take order").start();
    take.remoteServiceName("kafka");
    tell(take, "take", "send", SHOP, "take order", "CONSUMER", "\"remote\":{\"service\":\"kafka\"}");
    take.finish();
    root.finish();
  }

  /** The called service. It returns the headers of a message. */
  Map<String, String> serve(Map<String, String> request) {
    Span server = stock.tracer().joinSpan(extract(stock, request).context()).kind(Span.Kind.SERVER).name("GET /items").start();
    server.annotate("work ✓");
    server.tag("unicode", TEXT);
    server.error(new IllegalStateException(FAULT));
    tell(server, "serve", "call", STOCK, "GET /items", "SERVER",
        "\"shared\":" + shared + ",\"failed\":true,\"error\":\"" + FAULT + "\","
            + "\"events\":[\"work ✓\"],\"tags\":{\"unicode\":\"" + TEXT + "\"}");

    Span database = stock.tracer().newChild(server.context()).kind(Span.Kind.CLIENT).name("select items").start();
    database.remoteServiceName("mysql");
    database.remoteIpAndPort("10.1.2.3", 3306);
    tell(database, "database", "serve", STOCK, "select items", "CLIENT",
        "\"remote\":{\"service\":\"mysql\",\"ip\":\"10.1.2.3\",\"port\":3306}");
    database.finish();

    Span work = stock.tracer().newChild(server.context()).name("count").start();
    tell(work, "work", "serve", STOCK, "count", "", "\"tags\":{}");
    work.finish();

    Span send = stock.tracer().newChild(server.context()).kind(Span.Kind.PRODUCER).name("send order").start();
    send.remoteServiceName("kafka");
    tell(send, "send", "serve", STOCK, "send order", "PRODUCER", "\"remote\":{\"service\":\"kafka\"}");
    send.finish();
    server.finish();
    return headers(stock, send.context());
  }

  static Map<String, String> headers(Tracing tracing, TraceContext context) {
    Map<String, String> headers = new HashMap<>();
    tracing.propagation().<Map<String, String>>injector(Map::put).inject(context, headers);
    return headers;
  }

  static TraceContextOrSamplingFlags extract(Tracing tracing, Map<String, String> headers) {
    return tracing.propagation().<Map<String, String>>extractor(Map::get).extract(headers);
  }

  void tell(Span span, String key, String parent, String service, String name, String kind, String more) {
    TraceContext c = span.context();
    spans.add(String.format(
        "{\"key\":\"%s\",\"parent\":\"%s\",\"trace\":\"%s\",\"id\":\"%s\",\"service\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\",%s}",
        key, parent, c.traceIdString(), c.spanIdString(), service, name, kind, more));
  }

  public static void main(String[] args) throws Exception {
    URLConnectionSender sender = URLConnectionSender.newBuilder()
        .endpoint(args[0]).encoding(Encoding.valueOf(args[1])).build();
    AsyncZipkinSpanHandler handler = AsyncZipkinSpanHandler.newBuilder(sender).build();
    Brave brave = new Brave(handler, args[2].equals("shared"), args[3].equals("128"));
    brave.play();
    handler.flush();
    handler.flush(); // nothing is left: this posts an empty list
    handler.close();
    sender.close();
    new PrintStream(System.out, true, StandardCharsets.UTF_8)
        .println("{\"client\":\"brave 6.3.1 " + String.join(" ", List.of(args).subList(1, 4))
            + "\",\"spans\":[" + String.join(",", brave.spans) + "]}");
  }
}
