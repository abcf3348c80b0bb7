// SPDX-License-Identifier: Apache-2.0
package fleet.plugin;

import org.apache.skywalking.apm.agent.core.boot.BootService;
import org.apache.skywalking.apm.agent.core.boot.ServiceManager;
import org.apache.skywalking.apm.agent.core.remote.GRPCChannelListener;
import org.apache.skywalking.apm.agent.core.remote.GRPCChannelManager;
import org.apache.skywalking.apm.agent.core.remote.GRPCChannelStatus;

/**
 * Tells the program whether the agent has a collector: segments that end before are thrown away by
 * the agent, so that a program that must not lose any has to wait.
 */
public class Connection implements BootService, GRPCChannelListener {
  @Override
  public void prepare() {
    ServiceManager.INSTANCE.findService(GRPCChannelManager.class).addChannelListener(this);
  }

  @Override
  public void statusChanged(GRPCChannelStatus status) {
    System.setProperty("agent.connected", String.valueOf(status == GRPCChannelStatus.CONNECTED));
  }

  @Override
  public void boot() {}

  @Override
  public void onComplete() {}

  @Override
  public void shutdown() {}
}
