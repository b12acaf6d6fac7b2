import { messageOf } from './errors.js';
import { checker, exactly } from './validation.js';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const kind = { enum: ['vad', 'stt', 'turn', 'llm', 'tts', 'transport'] };

const check = checker(
  exactly({
    type: { enum: ['operations'] },
    obstacle: text,
    busy: text,
    engines: {
      type: 'array',
      items: exactly({
        kind,
        plugin: text,
        state: { enum: ['ready', 'warming', 'broken'] },
        workers: exactly({ ready: count, warming: count, broken: count }),
        breakers: exactly({ closed: count, half_open: count, open: count }),
        why: text,
        warmup_ms: { type: 'number', nullable: true },
      }),
    },
    metrics: text,
  }),
);

/**
 * @typedef {{kind: string, plugin: string, state: string, workers: Record<string, number>,
 *   breakers: Record<string, number>, why: string, warmup_ms: number | null}} Engine
 */

/** What the parent has said of the call workers' engines, for operators (PROTOCOL.md, The parent's pipe). */
export class Operations {
  /** Why no call could be answered; '' where one could, or nobody has said anything. */
  obstacle = '';
  /** Why a further call would spoil those that are on; '' where it would not. */
  busy = '';
  /** @type {Engine[]} */
  engines = [];
  /** Prometheus' text, to follow ours. */
  metrics = '';
  /** Called with what is wrong with a line. @type {(wrong: string) => void} */
  onWrong = () => {};

  /** @param {string} line what is wrong with it changes nothing else */
  take(line) {
    try {
      const said = JSON.parse(line);
      const wrong = check(said);
      if (wrong) return this.onWrong(wrong);
      this.obstacle = said.obstacle;
      this.busy = said.busy;
      this.engines = said.engines;
      this.metrics = said.metrics;
    } catch (error) {
      this.onWrong(messageOf(error));
    }
  }
}
