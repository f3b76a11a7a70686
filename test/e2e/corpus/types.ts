/** A case of the corpus: a folder in test/fixtures/dockerfiles/build, as its README.md tells. */

/** One difference that is known and right, or known and not yet mended. */
export interface KnownDifference {
  /** Default: both modes. */
  readonly mode?: "default" | "classic";
  /** As the comparison words them; all must be there. */
  readonly lines: readonly string[];
  /** Why it is right that we differ. */
  readonly reason?: string;
  /** What is wrong, until it is mended. */
  readonly bug?: string;
}

export interface CaseOptions {
  /** `-f`, in the context. */
  readonly file?: string;
  readonly target?: string;
  /** In the values `{server}` is the address of the test's web server, `{git}` the URL of its repository. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly platform?: string;
  /** Default: `none`. */
  readonly network?: "none" | "host";
  /** `name:address`. */
  readonly addHosts?: readonly string[];
  /** Folders beside the Dockerfile, which are not in the context then, or references. */
  readonly contexts?: Readonly<Record<string, string>>;
  /** Ids, and files beside the Dockerfile, which are not in the context then. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** An agent that holds one key is there. */
  readonly ssh?: boolean;
}

/** What git does not keep of a file of the context. */
export interface FileFacts {
  /** Octal. Default: 644, 755 for directories and what git has as executable. */
  readonly mode?: string;
  /** `uid:gid`; default: `0:0`. */
  readonly owner?: string;
  /** Seconds since 1970; default: 1 000 000 000. */
  readonly mtime?: number;
  /** Makes a symbolic link with this target. */
  readonly symlink?: string;
  /** Makes a hard link to this path. */
  readonly hardlink?: string;
  readonly fifo?: true;
  /** Makes a directory, which git would not keep while it is empty. */
  readonly directory?: true;
  /** Makes a file of that many bytes. */
  readonly size?: number;
  /** Makes a file with that text. */
  readonly text?: string;
  /** Names, and values in hexadecimal digits. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

export interface CaseFile {
  /** What the case covers, in one line. */
  readonly about: string;
  readonly peer: "dockerd" | "buildah";
  /** A Dockerfile beside the first that says the same in words that the peer knows. */
  readonly peerFile?: string;
  /** Whether the classic mode builds it, too. Default: where dockerd builds the same Dockerfile. */
  readonly classic?: boolean;
  readonly options?: CaseOptions;
  readonly files?: Readonly<Record<string, FileFacts>>;
  /** The container's command (default: the image's) and what it prints. */
  readonly run?: { readonly command?: readonly string[]; readonly prints: string };
  /** The build must fail with a message that has this text in it, and the peer's, too. */
  readonly fails?: string;
  readonly differences?: readonly KnownDifference[];
}

export interface Case extends CaseFile {
  readonly name: string;
  /** Its folder. */
  readonly path: string;
}
