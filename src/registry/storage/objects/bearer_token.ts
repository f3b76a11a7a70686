/** Tokens that are fetched and end. */

export interface BearerToken {
  readonly token: string;
  /** Seconds. */
  readonly lives: number;
}

/** Fetches a token again two minutes before it ends; those who come meanwhile share one request. */
export function cachedToken(fetchNew: () => Promise<BearerToken>): () => Promise<string> {
  let known: Promise<BearerToken> | undefined;
  let until = 0;
  return async () => {
    if (known === undefined || Date.now() > until) {
      until = Infinity;
      known = fetchNew();
      known.then(
        ({ lives }) => (until = Date.now() + Math.max(lives - 120, 1) * 1000),
        () => (known = undefined),
      );
    }
    return (await known).token;
  };
}
