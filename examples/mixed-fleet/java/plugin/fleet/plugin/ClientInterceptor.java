// SPDX-License-Identifier: Apache-2.0
package fleet.plugin;

import java.lang.reflect.Method;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.apache.skywalking.apm.agent.core.context.CarrierItem;
import org.apache.skywalking.apm.agent.core.context.ContextCarrier;
import org.apache.skywalking.apm.agent.core.context.ContextManager;
import org.apache.skywalking.apm.agent.core.context.tag.Tags;
import org.apache.skywalking.apm.agent.core.context.trace.AbstractSpan;
import org.apache.skywalking.apm.agent.core.context.trace.SpanLayer;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.EnhancedInstance;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.InstanceMethodsAroundInterceptor;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.MethodInterceptResult;
import org.apache.skywalking.apm.network.trace.component.ComponentsDefine;

/** Makes the exit span of a request and adds the headers that carry it on. */
public class ClientInterceptor implements InstanceMethodsAroundInterceptor {
  @Override
  public void beforeMethod(EnhancedInstance client, Method method, Object[] args, Class<?>[] types,
      MethodInterceptResult result) {
    HttpRequest request = (HttpRequest) args[0];
    URI uri = request.uri();
    ContextCarrier carrier = new ContextCarrier();
    AbstractSpan span = ContextManager.createExitSpan(uri.getPath(), carrier, uri.getAuthority());
    span.setComponent(ComponentsDefine.JDK_HTTP);
    SpanLayer.asHttp(span);
    Tags.URL.set(span, uri.toString());
    Tags.HTTP.METHOD.set(span, request.method());

    HttpRequest.Builder more = HttpRequest.newBuilder(uri);
    request.headers().map().forEach((name, values) -> values.forEach(value -> more.header(name, value)));
    for (CarrierItem item = carrier.items(); item.hasNext();) {
      item = item.next();
      more.header(item.getHeadKey(), item.getHeadValue());
    }
    more.method(request.method(), request.bodyPublisher().orElse(HttpRequest.BodyPublishers.noBody()));
    args[0] = more.build();
  }

  @Override
  public Object afterMethod(EnhancedInstance client, Method method, Object[] args, Class<?>[] types,
      Object result) {
    AbstractSpan span = ContextManager.activeSpan();
    if (result != null) {
      int status = ((HttpResponse<?>) result).statusCode();
      Tags.HTTP_RESPONSE_STATUS_CODE.set(span, status);
      if (status >= 400) {
        span.errorOccurred();
      }
    }
    ContextManager.stopSpan();
    return result;
  }

  @Override
  public void handleMethodException(EnhancedInstance client, Method method, Object[] args, Class<?>[] types,
      Throwable fault) {
    ContextManager.activeSpan().log(fault);
  }
}
