/** The flags of `varve build`. */
import type { Flags } from "../kit/index.ts";
import { dockerFlags } from "./docker_flags.ts";
import { platformNames, ruleNames, stageNames } from "./flag_candidates.ts";

export const buildFlags = {
  tag: { kind: "list", short: "t", type: "NAME[:TAG]", complete: "image", help: "Name and optionally a tag" },
  file: {
    kind: "string",
    short: "f",
    type: "PATH",
    complete: "file",
    help: "Name of the Dockerfile (default: PATH/Dockerfile); - reads it from standard input",
  },
  target: {
    kind: "string",
    type: "STAGE",
    candidates: stageNames,
    help: "Build this stage, with all that it needs",
  },
  "build-arg": {
    kind: "list",
    type: "NAME[=VALUE]",
    help: "Set a build argument; without a value, from our environment",
  },
  "build-context": {
    kind: "list",
    type: "NAME=PLACE",
    help: "Additional named context: a directory, a URL, or docker-image://REF",
  },
  secret: {
    kind: "list",
    type: "id=ID,…",
    help: "Secret for RUN --mount=type=secret, of src=FILE or env=NAME",
  },
  ssh: { kind: "list", type: "default|ID[=SOCKET]", help: "SSH agent for RUN --mount=type=ssh" },
  platform: {
    kind: "list",
    type: "OS/ARCH[/VARIANT]",
    candidates: () => platformNames,
    help: "Platforms to build for (default: this machine's)",
  },
  "no-cache": { kind: "boolean", help: "Do every step anew" },
  "no-cache-filter": {
    kind: "list",
    type: "STAGE",
    candidates: stageNames,
    help: "Do the steps of these stages anew",
  },
  pull: { kind: "boolean", help: "Ask the registry for a newer base image, whatever is here" },
  label: { kind: "list", type: "KEY=VALUE", help: "Set metadata of the image" },
  network: {
    kind: "string",
    values: ["default", "none", "host"],
    help: "Network of RUN commands: none or host; default: the host's",
  },
  "add-host": { kind: "list", type: "HOST:IP", help: "Add a line to the /etc/hosts of RUN commands" },
  allow: {
    kind: "list",
    type: "ENTITLEMENT",
    help: "Permit what the Dockerfile asks for: security.insecure, for RUN --security=insecure",
  },
  iidfile: { kind: "string", type: "FILE", complete: "file", help: "Write the image ID to the file" },
  "metadata-file": {
    kind: "string",
    type: "FILE",
    complete: "file",
    help: "Write digests and names to the file, as JSON",
  },
  output: {
    kind: "list",
    short: "o",
    type: "PATH|type=TYPE,…",
    help: "What becomes of the result: type=image (the default: it stays in the store), docker, oci, tar or local, with dest=PATH; PATH alone means type=local, - a tar on standard output",
  },
  push: { kind: "boolean", help: "Push the image under all its names" },
  "cache-from": {
    kind: "list",
    type: "NAME|type=TYPE,…",
    help: "Take steps from a cache elsewhere: type=registry,ref=NAME or type=local,src=PATH",
  },
  "cache-to": {
    kind: "list",
    type: "type=TYPE,…",
    help: "Keep the steps in a cache elsewhere: type=registry,ref=NAME, type=local,dest=PATH, or type=inline",
  },
  squash: {
    kind: "string",
    type: "FROM..TO",
    bare: "true",
    help: "Merge the new layers into one, or the layers from number FROM to TO",
  },
  classic: {
    kind: "boolean",
    help: "Docker's old builder to the letter: an image for each step, whose cache dockerd shares",
  },
  "on-error": {
    kind: "string",
    values: ["fail", "shell"],
    default: "fail",
    help: "When a RUN fails: fail, or a shell in that state",
  },
  "rewrite-timestamp": {
    kind: "boolean",
    help: "Let no file be younger than SOURCE_DATE_EPOCH (done whenever that is set)",
  },
  init: { kind: "boolean", help: "Write a Dockerfile for the Node project at PATH, and build nothing" },
  check: { kind: "boolean", help: "Only check the Dockerfile" },
  /** Docker's spelling of `--check`. */
  call: { kind: "string", values: ["build", "check"], default: "build", hidden: true, help: "What to do" },
  "check-skip": {
    kind: "list",
    type: "RULE",
    candidates: ruleNames,
    help: "Do not apply this rule, or all",
  },
  "check-error": {
    kind: "string",
    values: ["error", "warning", "info", "never"],
    type: "SEVERITY",
    help: "Least severity of findings that makes the command fail: error, warning, info or never (default: warning with --check, else never, or error if the file has # check=error=true)",
  },
  sarif: {
    kind: "string",
    type: "FILE",
    complete: "file",
    help: "Write the findings to the file as SARIF; - to standard output",
  },
  progress: {
    kind: "string",
    values: ["auto", "plain", "tty", "json", "quiet"],
    default: "auto",
    env: "BUILDKIT_PROGRESS",
    help: "How to show what happens: auto, plain, tty, json or quiet",
  },
  costs: { kind: "boolean", default: true, help: "Measure and show what each line costs" },
  quiet: { kind: "boolean", short: "q", help: "Print the image ID only" },
  ...dockerFlags,
} as const satisfies Flags;
