/** The ports of EXPOSE: `80`, `53/udp`, `8000-8002`; what stands before a colon is for the host and means nothing here. */
import { Failure } from "../../errors.ts";

/** Keys of `ExposedPorts`. Throws `Failure("invalid")` in Docker's words (docker/go-connections, nat). */
export function exposedPorts(text: string): string[] {
  const slash = text.indexOf("/");
  const [place, protocol] =
    slash < 0 ? [text, "tcp"] : [text.slice(0, slash), text.slice(slash + 1).toLowerCase() || "tcp"];
  const ports = place.slice(place.lastIndexOf(":") + 1);
  if (ports === "") throw new Failure("invalid", `No port specified: ${text}<empty>`);
  const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(ports) ?? [];
  const [first, last] = [Number(low), Number(high)];
  if (!(first <= last && last <= 65535)) throw new Failure("invalid", `Invalid containerPort: ${ports}`);
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw new Failure("invalid", `Invalid proto: ${protocol}`);
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol}`);
}
