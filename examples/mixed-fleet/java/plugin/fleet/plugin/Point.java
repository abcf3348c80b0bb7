// SPDX-License-Identifier: Apache-2.0
package fleet.plugin;

import org.apache.skywalking.apm.agent.core.plugin.interceptor.InstanceMethodsInterceptPoint;
import org.apache.skywalking.apm.dependencies.net.bytebuddy.description.method.MethodDescription;
import org.apache.skywalking.apm.dependencies.net.bytebuddy.matcher.ElementMatcher;

/** Which methods go through which interceptor. */
final class Point implements InstanceMethodsInterceptPoint {
  private final ElementMatcher<MethodDescription> methods;
  private final String interceptor;
  private final boolean replacesArguments;

  Point(ElementMatcher<MethodDescription> methods, String interceptor, boolean replacesArguments) {
    this.methods = methods;
    this.interceptor = interceptor;
    this.replacesArguments = replacesArguments;
  }

  @Override
  public ElementMatcher<MethodDescription> getMethodsMatcher() {
    return methods;
  }

  @Override
  public String getMethodsInterceptor() {
    return interceptor;
  }

  @Override
  public boolean isOverrideArgs() {
    return replacesArguments;
  }
}
