/** A mistake of the user: one clear line and what to do about it; the process ends with status 2. */
export class UserError extends Error {
  /**
   * @param {string} message what is wrong, and where
   * @param {string} [hint] what to do
   */
  constructor(message, hint = '') {
    super(message);
    this.hint = hint;
  }
}

/** What was asked is refused with a code of the protocol; nothing has changed. */
export class Refused extends Error {
  /**
   * @param {string} code as in PROTOCOL.md
   * @param {string} message
   * @param {string} [counted] the label that it is counted under
   */
  constructor(code, message, counted = code) {
    super(message);
    this.code = code;
    this.counted = counted;
  }
}

/** @param {unknown} error @returns {string} */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
