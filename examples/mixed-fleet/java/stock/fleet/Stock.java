// SPDX-License-Identifier: Apache-2.0
package fleet;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/**
 * stock: a service with nothing but the JDK, to be run under the SkyWalking agent and the plugin
 * beside it. It knows sw8 and nothing else. It runs until SIGTERM.
 *
 * <p>GET /stock?order=ID asks the next service and answers what that answered, with its own visit in
 * front. GET /ready has status 200 when the agent has a collector, and is not traced.
 *
 * <p>Arguments: the port, and the URL of the next service.
 */
public final class Stock implements HttpHandler {
  private final String next;
  private final HttpClient client = HttpClient.newHttpClient();

  private Stock(String next) {
    this.next = next;
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    // What the plugin put into the response before this handler ran.
    String trace = exchange.getResponseHeaders().getFirst("Agent-Trace");
    String visit = String.format("{\"service\":\"stock\",\"trace\":\"%s\",\"sampled\":true,\"headers\":{%s}}",
        trace, tracing(exchange.getRequestHeaders()));
    HttpRequest request = HttpRequest.newBuilder(URI.create(next + "?" + exchange.getRequestURI().getQuery()))
        .version(HttpClient.Version.HTTP_1_1).build();
    try {
      HttpResponse<String> later = client.send(request, HttpResponse.BodyHandlers.ofString());
      if (later.statusCode() != 200) {
        answer(exchange, 502, next + ": " + later.statusCode() + " " + later.body());
        return;
      }
      String rest = later.body().trim().substring(1);
      answer(exchange, 200, "[" + visit + (rest.equals("]") ? "" : ",") + rest);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  /** The headers that tracers read. None of them has a character that JSON escapes but the quote. */
  private static String tracing(Headers headers) {
    return headers.entrySet().stream()
        .filter(h -> h.getKey().toLowerCase(Locale.ROOT).matches(
            "b3|sw8|uber-trace-id|traceparent|tracestate|baggage|(x-b3-|sw8-|uberctx-|jaeger-|ot-|x-ot-).*"))
        .map(h -> String.format("\"%s\":\"%s\"", h.getKey().toLowerCase(Locale.ROOT),
            String.join(",", h.getValue()).replace("\\", "\\\\").replace("\"", "\\\"")))
        .collect(Collectors.joining(","));
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", status == 200 ? "application/json" : "text/plain");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/stock", new Stock(args[1]));
    server.createContext("/ready", exchange ->
        answer(exchange, Boolean.getBoolean("agent.connected") ? 200 : 503, ""));
    server.start();
  }
}
