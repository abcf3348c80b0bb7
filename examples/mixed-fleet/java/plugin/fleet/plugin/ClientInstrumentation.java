// SPDX-License-Identifier: Apache-2.0
package fleet.plugin;

import static org.apache.skywalking.apm.agent.core.plugin.match.NameMatch.byName;
import static org.apache.skywalking.apm.dependencies.net.bytebuddy.matcher.ElementMatchers.named;

import org.apache.skywalking.apm.agent.core.plugin.interceptor.ConstructorInterceptPoint;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.InstanceMethodsInterceptPoint;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.ClassInstanceMethodsEnhancePluginDefine;
import org.apache.skywalking.apm.agent.core.plugin.match.ClassMatch;

/** The JDK's java.net.http client, whose class belongs to the bootstrap loader. */
public class ClientInstrumentation extends ClassInstanceMethodsEnhancePluginDefine {
  @Override
  public boolean isBootstrapInstrumentation() {
    return true;
  }

  @Override
  protected ClassMatch enhanceClass() {
    return byName("jdk.internal.net.http.HttpClientImpl");
  }

  @Override
  public ConstructorInterceptPoint[] getConstructorsInterceptPoints() {
    return new ConstructorInterceptPoint[0];
  }

  @Override
  public InstanceMethodsInterceptPoint[] getInstanceMethodsInterceptPoints() {
    // A request cannot be changed: it is replaced by one with more headers.
    return new InstanceMethodsInterceptPoint[] {
      new Point(named("send"), "fleet.plugin.ClientInterceptor", true)
    };
  }
}
