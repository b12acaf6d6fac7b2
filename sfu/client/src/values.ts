/** Looking into JSON that came from outside. */

export type Json = Record<string, unknown>;

export function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function numberOr<T>(value: unknown, otherwise: T): number | T {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

/** The finite numbers among an object's values. */
export function numbers(value: unknown): Map<string, number> {
  const entries = isRecord(value) ? Object.entries(value) : [];
  return new Map(entries.filter((e): e is [string, number] => numberOr(e[1], null) !== null));
}
