/** Docker's `container.Config` as clients send it. */
import {
  dictionary,
  integer,
  list,
  optional,
  pointer,
  struct,
  text,
  truth,
  words,
} from "../../../http/index.ts";

const nothing = struct("struct {}", {});
const duration = integer("time.Duration");

const healthConfig = struct("container.HealthConfig", {
  Test: optional(list(text)),
  Interval: optional(duration),
  Timeout: optional(duration),
  StartPeriod: optional(duration),
  StartInterval: optional(duration),
  Retries: optional(integer("int")),
});

/** Fields of the config; the body of `create` has them beside its own. */
export const configFields = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: truth,
  AttachStdout: truth,
  AttachStderr: truth,
  ExposedPorts: optional(dictionary(nothing)),
  Tty: truth,
  OpenStdin: truth,
  StdinOnce: truth,
  Env: list(text),
  Cmd: words,
  Healthcheck: optional(pointer(healthConfig)),
  ArgsEscaped: optional(truth),
  Image: text,
  Volumes: dictionary(nothing),
  WorkingDir: text,
  Entrypoint: words,
  NetworkDisabled: optional(truth),
  MacAddress: optional(text),
  OnBuild: list(text),
  Labels: dictionary(text),
  StopSignal: optional(text),
  StopTimeout: optional(pointer(integer("int"))),
  Shell: optional(words),
} as const;

export const configShape = struct("container.Config", configFields);
