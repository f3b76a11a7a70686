/** `varve cri`: the Container Runtime Interface, for kubelet and crictl. */
import { command, line } from "../app.ts";

export const cri = command({
  path: ["cri"],
  section: "Engine",
  usage: "[OPTIONS]",
  summary: "Serve Kubernetes' Container Runtime Interface until SIGTERM",
  details:
    "Pods and containers run on when it ends, and the next one finds them. One root has one server: this, or " +
    "'varve daemon', which with --cri is both.",
  examples: [
    {
      text: "For crictl",
      command: "varve cri & crictl --runtime-endpoint unix:///run/varve-cri.sock pods",
    },
  ],
  flags: {
    listen: {
      kind: "string",
      type: "ADDRESS",
      default: "unix:///run/varve-cri.sock",
      help: "Where to listen: unix:///path/to.sock",
    },
    network: {
      kind: "string",
      type: "string",
      default: "bridge",
      help: "Network of pods: a bridge, or none",
    },
    "registry-mirror": { kind: "list", type: "URL", help: "Mirror of docker.io that is asked first" },
    "insecure-registry": {
      kind: "list",
      type: "HOST",
      help: "Registry, or network of registries, that may do without TLS",
    },
  },
  args: { min: 0, max: 0 },
  storeless: true,
  ownSignals: true,
  async run({ app, flags }) {
    const { runCri } = await app.cri();
    const { listen: host, network } = flags;
    return runCri(
      {
        ...app.engineOptions,
        host,
        network,
        registryMirrors: flags["registry-mirror"],
        insecureRegistries: flags["insecure-registry"],
      },
      (text) => line(app, text),
    );
  },
});
