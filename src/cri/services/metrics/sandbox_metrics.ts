/** Metrics of sandboxes: what their interfaces have carried. Names as in `container_metrics.ts`. */
import type { ContainerStats } from "../../../engine/index.ts";
import { counters, type Metric } from "./metric.ts";

type Networks = NonNullable<ContainerStats["networks"]>;

function carried(name: string, help: string, key: keyof Networks[string]): Metric<Networks> {
  return counters(name, help, ["interface"], (networks) =>
    Object.entries(networks).map(([interface_, counted]) => [counted[key], interface_]),
  );
}

export const sandboxMetrics: readonly Metric<Networks>[] = [
  carried("container_network_receive_bytes_total", "Bytes received", "rx_bytes"),
  carried("container_network_receive_packets_total", "Packets received", "rx_packets"),
  carried("container_network_receive_packets_dropped_total", "Packets dropped on receipt", "rx_dropped"),
  carried("container_network_receive_errors_total", "Errors of receipt", "rx_errors"),
  carried("container_network_transmit_bytes_total", "Bytes sent", "tx_bytes"),
  carried("container_network_transmit_packets_total", "Packets sent", "tx_packets"),
  carried("container_network_transmit_packets_dropped_total", "Packets dropped on sending", "tx_dropped"),
  carried("container_network_transmit_errors_total", "Errors of sending", "tx_errors"),
];
