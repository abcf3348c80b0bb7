// SPDX-License-Identifier: Apache-2.0
package fleet.plugin;

import static org.apache.skywalking.apm.agent.core.plugin.match.HierarchyMatch.byHierarchyMatch;
import static org.apache.skywalking.apm.dependencies.net.bytebuddy.matcher.ElementMatchers.named;

import org.apache.skywalking.apm.agent.core.plugin.interceptor.ConstructorInterceptPoint;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.InstanceMethodsInterceptPoint;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.ClassInstanceMethodsEnhancePluginDefine;
import org.apache.skywalking.apm.agent.core.plugin.match.ClassMatch;
import org.apache.skywalking.apm.agent.core.plugin.match.PrefixMatch;
import org.apache.skywalking.apm.agent.core.plugin.match.logical.LogicalMatchOperation;

/** Handlers of the JDK's own HTTP server. Those that are lambdas cannot be changed by any agent. */
public class HandlerInstrumentation extends ClassInstanceMethodsEnhancePluginDefine {
  @Override
  protected ClassMatch enhanceClass() {
    // Not the JDK's own handlers: the agent cannot reach into their loader.
    return LogicalMatchOperation.and(
        byHierarchyMatch("com.sun.net.httpserver.HttpHandler"), LogicalMatchOperation.not(PrefixMatch.nameStartsWith("sun.")));
  }

  @Override
  public ConstructorInterceptPoint[] getConstructorsInterceptPoints() {
    return new ConstructorInterceptPoint[0];
  }

  @Override
  public InstanceMethodsInterceptPoint[] getInstanceMethodsInterceptPoints() {
    return new InstanceMethodsInterceptPoint[] {
      new Point(named("handle"), "fleet.plugin.HandlerInterceptor", false)
    };
  }
}
