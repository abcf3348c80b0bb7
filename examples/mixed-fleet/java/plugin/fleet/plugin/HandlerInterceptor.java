// SPDX-License-Identifier: Apache-2.0
package fleet.plugin;

import com.sun.net.httpserver.HttpExchange;
import java.lang.reflect.Method;
import org.apache.skywalking.apm.agent.core.context.CarrierItem;
import org.apache.skywalking.apm.agent.core.context.ContextCarrier;
import org.apache.skywalking.apm.agent.core.context.ContextManager;
import org.apache.skywalking.apm.agent.core.context.tag.Tags;
import org.apache.skywalking.apm.agent.core.context.trace.AbstractSpan;
import org.apache.skywalking.apm.agent.core.context.trace.SpanLayer;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.EnhancedInstance;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.InstanceMethodsAroundInterceptor;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.MethodInterceptResult;
import org.apache.skywalking.apm.network.trace.component.OfficialComponent;

/** Makes the entry span of a request and tells its ids in headers of the response. */
public class HandlerInterceptor implements InstanceMethodsAroundInterceptor {
  @Override
  public void beforeMethod(EnhancedInstance handler, Method method, Object[] args, Class<?>[] types,
      MethodInterceptResult result) {
    HttpExchange exchange = (HttpExchange) args[0];
    String verb = exchange.getRequestMethod();
    ContextCarrier carrier = new ContextCarrier();
    for (CarrierItem item = carrier.items(); item.hasNext();) {
      item = item.next();
      item.setHeadValue(exchange.getRequestHeaders().getFirst(item.getHeadKey()));
    }
    AbstractSpan span = ContextManager.createEntrySpan(verb + ":" + exchange.getRequestURI().getPath(), carrier);
    span.setComponent(new OfficialComponent(49, "http"));
    SpanLayer.asHttp(span);
    Tags.URL.set(span, "http://" + exchange.getRequestHeaders().getFirst("Host") + exchange.getRequestURI());
    Tags.HTTP.METHOD.set(span, verb);

    exchange.getResponseHeaders().set("Agent-Trace", ContextManager.getGlobalTraceId());
    exchange.getResponseHeaders().set("Agent-Segment", ContextManager.getSegmentId());
    exchange.getResponseHeaders().set("Agent-Span", String.valueOf(ContextManager.getSpanId()));
  }

  @Override
  public Object afterMethod(EnhancedInstance handler, Method method, Object[] args, Class<?>[] types,
      Object result) {
    int status = ((HttpExchange) args[0]).getResponseCode();
    AbstractSpan span = ContextManager.activeSpan();
    Tags.HTTP_RESPONSE_STATUS_CODE.set(span, status);
    if (status >= 400) {
      span.errorOccurred();
    }
    ContextManager.stopSpan();
    return result;
  }

  @Override
  public void handleMethodException(EnhancedInstance handler, Method method, Object[] args, Class<?>[] types,
      Throwable fault) {
    ContextManager.activeSpan().log(fault);
  }
}
