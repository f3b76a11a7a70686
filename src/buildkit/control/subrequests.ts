/** What clients ask of a Dockerfile instead of a build: `docker build --check`, `--call targets` (frontend/subrequests). */
import { loadBuilder, type BuildRequest } from "../../engine/index.ts";
import { isDockersRule, type Dockerfile } from "../../dockerfile/index.ts";
import { codes, GrpcError } from "../../rpc/index.ts";

type Checked = Awaited<ReturnType<Awaited<ReturnType<typeof loadBuilder>>["checkBuild"]>>;

/** By key: `result.json` and others. */
export type RequestAnswer = Readonly<Record<string, string>>;

const answers: Readonly<Record<string, (checked: Checked) => RequestAnswer>> = {
  "frontend.lint": lint,
  "frontend.targets": targets,
};

/** @throws GrpcError for a request that is not known; what opening the context throws */
export async function answerRequest(
  id: string,
  files: Pick<BuildRequest, "context" | "file" | "stdin">,
  signal: AbortSignal,
): Promise<RequestAnswer> {
  const answer = Object.hasOwn(answers, id) ? answers[id] : undefined;
  if (answer === undefined) throw new GrpcError(codes.unimplemented, `unsupported request ${id}`);
  const { checkBuild } = await loadBuilder();
  return { version: "1.0.0", ...answer(await checkBuild({ ...files, signal })) };
}

function lint({ dockerfile, findings }: Checked): RequestAnswer {
  const warned = findings.filter(({ rule }) => isDockersRule(rule));
  const warnings = warned.map(({ rule, message, why, span }) => ({
    ruleName: rule,
    description: why,
    detail: message,
    location: location(span),
  }));
  const lines = warned.map(({ rule, message, span }) => `${rule}: ${message} (line ${span.start.line})\n`);
  return {
    "result.json": JSON.stringify({ warnings, sources: [sourceOf(dockerfile)] }),
    "result.txt": lines.join(""),
    "result.statuscode": warned.length > 0 ? "1" : "0",
  };
}

function targets({ dockerfile }: Checked): RequestAnswer {
  const last = dockerfile.stages.length - 1;
  const list = dockerfile.stages.flatMap(({ from }, index) => {
    const { name, image: base, platform, span } = from;
    if (name === undefined && index < last) return [];
    return [{ name, default: index === last, base, platform, location: location(span) }];
  });
  const lines = list.map((each) => `${each.name ?? ""}${each.default ? " (default)" : ""}\n`);
  return {
    "result.json": JSON.stringify({ targets: list, sources: [base64Of(dockerfile)] }),
    "result.txt": ["TARGET\n", ...lines].join(""),
  };
}

/** Go's JSON of `pb.Location`. */
function location({ start, end }: Dockerfile["stages"][number]["from"]["span"]) {
  return { ranges: [{ start: { line: start.line }, end: { line: end.line } }] };
}

function sourceOf(dockerfile: Dockerfile) {
  return { filename: dockerfile.name, language: "Dockerfile", data: base64Of(dockerfile) };
}

function base64Of({ lines }: Dockerfile): string {
  return Buffer.from(`${lines.join("\n")}\n`).toString("base64");
}
