/** Why there is no call, or no more: a code that `wording` has words for. */
export class CallFailure extends Error {
  constructor(
    readonly code: string,
    readonly detail = '',
  ) {
    super(detail ? `${code}: ${detail}` : code);
  }
}
