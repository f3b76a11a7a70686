/** The options of a network that the bridge driver knows (moby libnetwork/drivers/bridge/labels.go, netlabel). */
import { Failure } from "../errors.ts";
import { parseIp } from "./ip_address.ts";

export interface BridgeOptions {
  readonly bridge?: string;
  readonly mtu?: number;
  /** Whether containers of the network reach each other. */
  readonly icc: boolean;
  /** Whether what leaves has the host's address. */
  readonly masquerade: boolean;
  /** Which of the host's; default: that of the interface by which it leaves. */
  readonly hostAddress?: string;
  /** Where ports are published that name no address. */
  readonly hostBinding?: string;
  /** How interfaces in containers are called before their number; "eth". */
  readonly interfacePrefix: string;
}

const prefix = "com.docker.network";

type Options = Readonly<Record<string, string>>;

/**
 * Options of other names are kept and mean nothing, as in dockerd.
 * @throws Failure("invalid") in Docker's words where it has some: the values go to programs as words
 */
export function bridgeOptions(options: Options): BridgeOptions {
  const bridge = options[`${prefix}.bridge.name`];
  if (bridge !== undefined && !isInterfaceName(bridge, 15))
    throw new Failure("invalid", `bridge name ${JSON.stringify(bridge)} cannot be the name of an interface`);
  const interfacePrefix = options[`${prefix}.container_iface_prefix`] ?? "eth";
  if (!isInterfaceName(interfacePrefix, 12))
    throw new Failure("invalid", `invalid value for '${prefix}.container_iface_prefix': ${interfacePrefix}`);
  const mtu = readMtu(options);
  const hostBinding = readIpv4(options, `${prefix}.bridge.host_binding_ipv4`);
  const hostAddress = readIpv4(options, `${prefix}.host_ipv4`);
  return {
    ...(bridge === undefined ? {} : { bridge }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(hostBinding === undefined ? {} : { hostBinding }),
    ...(hostAddress === undefined ? {} : { hostAddress }),
    icc: readTruth(options, `${prefix}.bridge.enable_icc`),
    masquerade: readTruth(options, `${prefix}.bridge.enable_ip_masquerade`),
    interfacePrefix,
  };
}

function isInterfaceName(text: string, length: number): boolean {
  return text.length <= length && /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text);
}

function readMtu(options: Options): number | undefined {
  const key = `${prefix}.driver.mtu`;
  const text = options[key];
  if (text === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw unreadable(key, text, `strconv.Atoi: ${notParsed(text)}`);
  const mtu = Number(text);
  if (mtu >= 68 && mtu <= 65_535) return mtu;
  throw new Failure("invalid", `invalid value for '${key}': ${text}`);
}

function readIpv4(options: Options, key: string): string | undefined {
  const text = options[key];
  if (text === undefined || parseIp(text)?.family === 4) return text;
  throw unreadable(key, text, "nil ip");
}

/** As Go reads it. */
function readTruth(options: Options, key: string): boolean {
  const text = options[key];
  if (text === undefined || /^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw unreadable(key, text, `strconv.ParseBool: ${notParsed(text)}`);
}

function unreadable(key: string, text: string, reason: string): Failure {
  return new Failure("invalid", `failed to parse ${key} value: ${text} (${reason})`);
}

function notParsed(text: string): string {
  return `parsing ${JSON.stringify(text)}: invalid syntax`;
}
