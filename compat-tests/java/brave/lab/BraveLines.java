// SPDX-License-Identifier: Apache-2.0
package lab;

import brave.Tracing;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import zipkin2.reporter.BytesMessageSender;
import zipkin2.reporter.brave.AsyncZipkinSpanHandler;
import zipkin2.reporter.okhttp3.OkHttpSender;
import zipkin2.reporter.urlconnection.URLConnectionSender;

/**
 * Reports a span for each line of its input, named by the line, with Brave.
 *
 * <p>Arguments: URL of POST /api/v2/spans, and urlconnection or okhttp.
 */
public final class BraveLines {
  private BraveLines() {}

  public static void main(String[] args) throws Exception {
    BytesMessageSender sender = args[1].equals("okhttp")
        ? OkHttpSender.newBuilder().endpoint(args[0]).build()
        : URLConnectionSender.newBuilder().endpoint(args[0]).build();
    AsyncZipkinSpanHandler handler = AsyncZipkinSpanHandler.newBuilder(sender).build();
    Tracing tracing = Tracing.newBuilder().localServiceName("lines").addSpanHandler(handler).build();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      tracing.tracer().newTrace().name(line).start().finish();
    }
    handler.flush();
    handler.close();
    sender.close();
  }
}
