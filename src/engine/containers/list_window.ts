import { Failure } from "../../errors.ts";

interface Listed {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
}

/**
 * Those of a list between two containers, neither of them included (moby, daemon/list.go: the filters `since` and `before`).
 * @param all newest first @param of what is known of each @param since name, ID or beginning of one; undefined: no bound
 * @throws Failure("not-found") for a container that is not in the list
 */
export function listWindow<T>(
  all: readonly T[],
  of: (each: T) => Listed,
  { since, before }: { readonly since: string | undefined; readonly before: string | undefined },
): readonly T[] {
  const placeOf = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    const bare = text.replace(/^\//, "");
    const named = all.findIndex((each) => of(each).name === bare || of(each).id === text);
    const place = named >= 0 ? named : all.findIndex((each) => of(each).id.startsWith(text));
    if (place < 0) throw new Failure("not-found", `no such container ${text}`);
    return place;
  };
  return all.slice((placeOf(before) ?? -1) + 1, placeOf(since) ?? all.length);
}
