// What a call worker may say (PROTOCOL.md, The call-worker link).
import { checker, exactly } from '../validation.js';

const type = { type: 'string' };
const text = { type: 'string', maxLength: 10_000 };
const positive = { type: 'integer', minimum: 1 };

const checks = new Map([
  ['hello', checker(exactly({ type, version: { type: 'integer' }, transport: text, pid: positive }))],
  ['idle', checker(exactly({ type }))],
  [
    'event',
    checker(
      exactly({
        type,
        event: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
      }),
    ),
  ],
  ['end', checker(exactly({ type, reason: { enum: ['hung_up', 'failed'] }, 'message?': text }))],
  ['bye', checker(exactly({ type }))],
  ['error', checker(exactly({ type, code: text, message: text }))],
]);

/**
 * @param {import('./frames.js').Message} message
 * @returns {string | null} what is wrong with it
 */
export function wrongInWorkerMessage(message) {
  const check = checks.get(message.type);
  if (!check) return `Unknown type ${JSON.stringify(message.type.slice(0, 100))}.`;
  const wrong = check(message);
  return wrong && `${message.type}: ${wrong}.`;
}
