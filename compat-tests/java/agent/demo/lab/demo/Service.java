// SPDX-License-Identifier: Apache-2.0
package lab.demo;

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

/**
 * A small HTTP service with nothing but the JDK, to be run under the SkyWalking agent and the plugin
 * beside it. It runs until SIGTERM.
 *
 * <p>GET /order and /broken ask the other service for /stock and /fail. Each answer is a JSON list
 * of visits, the outermost first: where a request was handled and what the agent made of it.
 * GET /ready has status 200 when the agent has a collector, and is not traced.
 *
 * <p>Arguments: name of the service, port, and the URL of the other service, if there is one.
 */
public final class Service implements HttpHandler {
  private static final String FAULT = "sold out ünï";

  private final String name;
  private final String other;
  private final HttpClient client = HttpClient.newHttpClient();

  private Service(String name, String other) {
    this.name = name;
    this.other = other;
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    String visit = visit(exchange);
    switch (exchange.getRequestURI().getPath()) {
      case "/order":
        answer(exchange, 200, "[" + visit + "," + ask("/stock").substring(1));
        break;
      case "/broken":
        answer(exchange, 502, "[" + visit + "," + ask("/fail").substring(1));
        break;
      case "/stock":
        answer(exchange, 200, "[" + visit + "]");
        break;
      default:
        answer(exchange, 500, "[" + visit + "]");
        throw new IllegalStateException(FAULT);
    }
  }

  private String visit(HttpExchange exchange) {
    String sw8 = exchange.getRequestHeaders().getFirst("sw8");
    return String.format(
        "{\"service\":\"%s\",\"path\":\"%s\",\"sw8\":\"%s\",\"trace\":\"%s\",\"segment\":\"%s\",\"span\":%s}",
        name, exchange.getRequestURI().getPath(), sw8 == null ? "" : sw8, told(exchange, "Agent-Trace"),
        told(exchange, "Agent-Segment"), told(exchange, "Agent-Span"));
  }

  /** What the plugin put into the response before this handler ran. */
  private static String told(HttpExchange exchange, String header) {
    return exchange.getResponseHeaders().getFirst(header);
  }

  private String ask(String path) throws IOException {
    HttpRequest request = HttpRequest.newBuilder(URI.create(other + path)).version(HttpClient.Version.HTTP_1_1).build();
    try {
      return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1])), 0);
    server.createContext("/", new Service(args[0], args.length > 2 ? args[2] : ""));
    server.createContext("/ready", exchange ->
        answer(exchange, Boolean.getBoolean("agent.connected") ? 200 : 503, ""));
    server.start();
  }
}
