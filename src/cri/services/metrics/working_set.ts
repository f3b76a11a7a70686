/** Of `memory_stats` of the Engine API. */
interface MemoryCounted {
  readonly usage?: number;
  readonly stats?: Readonly<Record<string, number>>;
}

/** Bytes that the kernel would not give back first (cadvisor: usage less inactive files). */
export function workingSet({ usage = 0, stats = {} }: MemoryCounted): number {
  const inactive = stats["total_inactive_file"] ?? stats["inactive_file"] ?? 0;
  return Math.max(usage - inactive, 0);
}
