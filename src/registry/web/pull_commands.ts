/** How to get an image from here. */
import { html, type Html } from "./html.ts";
import type { View } from "./view.ts";

/** @param reference `team/app:v1`, without host */
export function pullCommands({ host, isTls }: View, reference: string): Html {
  const isLocal = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/.test(host);
  const full = `${host}/${reference}`;
  // docker takes plain HTTP from the machine itself only; podman wants to be told in any case.
  const plain = isTls ? "" : "--tls-verify=false ";
  const commands = [`docker pull ${full}`, `podman pull ${plain}${full}`, `varve pull ${full}`];
  return html`${commands.map((command) => html`<div class="command"><code data-copy>${command}</code></div>`)}
  ${!isTls && !isLocal && html`<p class="soft">This registry is reached without TLS: docker needs it in <code>insecure-registries</code>.</p>`}`;
}
