/** The call token that the page was opened with: `#token=…`. A fragment is sent to no server, and is in no log. */

/** @returns "" where there is none. */
export function tokenOf(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, '')).get('token') ?? '';
}
