/** Which groups a user is in: from the configuration, and from a file as Apache has it (`group: user user`). */
import { Failure } from "../../../errors.ts";
import { ReloadedFile, type ReloadedFileOptions } from "../reloaded_file.ts";

export interface GroupsOptions extends ReloadedFileOptions {
  /** Users by group. */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly file?: string | undefined;
}

type Membership = ReadonlyMap<string, readonly string[]>;

export class Groups {
  readonly #fixed: Membership;
  readonly #file: ReloadedFile<Membership> | undefined;

  constructor(options: GroupsOptions) {
    this.#fixed = new Map(Object.entries(options.groups ?? {}));
    this.#file =
      options.file === undefined ? undefined : new ReloadedFile(options.file, parseGroups, options);
  }

  async of(user: string): Promise<string[]> {
    const both = [this.#fixed, (await this.#file?.get()) ?? new Map<string, string[]>()];
    const names = both.flatMap((groups) =>
      [...groups].filter(([, users]) => users.includes(user)).map(([name]) => name),
    );
    return [...new Set(names)];
  }
}

function parseGroups(bytes: Buffer): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [index, raw] of bytes.toString("utf8").split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([^:\s]+):(.*)$/.exec(line);
    if (match === null) throw new Failure("invalid", `line ${index + 1} is not "group: user user"`);
    const [, name = "", users = ""] = match;
    groups.set(name, [...(groups.get(name) ?? []), ...users.split(/\s+/).filter(Boolean)]);
  }
  return groups;
}
