/** The list of what was said, kept in step with the conversation. */

import type { Conversation, Exchange } from './conversation';
import { byId, element, setText } from './dom';
import { LatencyView } from './latency_view';

interface Shown {
  exchange: Exchange | null;
  user: HTMLElement | null;
  agent: HTMLElement | null;
  latency: LatencyView | null;
}

const NEAR_END_PX = 80;
const ENDINGS: Record<string, string> = {
  interrupted: 'Interrupted: this is what was heard.',
  failed: 'The answer failed.',
};

export class TranscriptView {
  private readonly list = byId('transcript');
  private readonly scroller = this.list.parentElement as HTMLElement;
  private readonly shown = new Map<number, Shown>();

  private atEnd = true;

  constructor() {
    this.scroller.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.scroller;
      this.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    });
    new ResizeObserver(() => this.follow()).observe(this.scroller);
  }

  clear(): void {
    this.shown.clear();
    this.list.replaceChildren();
  }

  render(conversation: Conversation): void {
    const turns = new Set(conversation.exchanges.map((exchange) => exchange.turn));
    for (const [turn, shown] of this.shown) {
      if (turns.has(turn)) continue;
      shown.user?.remove();
      shown.agent?.remove();
      this.shown.delete(turn);
    }
    let previous: Element | null = null;
    for (const exchange of conversation.exchanges) {
      const shown = this.shown.get(exchange.turn) ?? {
        exchange: null,
        user: null,
        agent: null,
        latency: null,
      };
      this.shown.set(exchange.turn, shown);
      if (shown.exchange !== exchange) this.update(shown, exchange, previous);
      previous = shown.agent ?? shown.user ?? previous;
    }
    this.follow();
  }

  /** What comes last stays in sight, unless the reader has gone back to what came before. */
  private follow(): void {
    if (this.atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  private update(shown: Shown, exchange: Exchange, previous: Element | null): void {
    shown.exchange = exchange;
    if (!exchange.user) {
      shown.user?.remove();
      shown.user = null;
    } else {
      shown.user ??= this.item('user', 'You', exchange.turn, previous);
      shown.user.dataset.final = String(exchange.user.final);
      setText(part(shown.user, 'text'), exchange.user.text);
    }
    if (!exchange.agent && !exchange.failures.length) return;
    shown.agent ??= this.item('agent', 'Agent', exchange.turn, shown.user ?? previous);
    this.updateAgent(shown.agent, shown, exchange);
  }

  private updateAgent(item: HTMLElement, shown: Shown, exchange: Exchange): void {
    const ending = exchange.agent?.ending ?? null;
    item.dataset.final = String(ending !== null);
    if (ending) item.dataset.ending = ending;
    const text = exchange.agent?.text ?? '';
    const spoken = part(item, 'text');
    setText(spoken, text || (ending ? '' : '…'));
    spoken.hidden = !spoken.textContent || !exchange.agent;

    const silenced = ending === 'interrupted' && !text;
    const note = silenced ? 'Interrupted before a word was heard.' : (ENDINGS[ending ?? ''] ?? '');
    setText(part(item, 'note'), note);
    part(item, 'note').hidden = !note;
    const failures = part(item, 'failure');
    setText(failures, exchange.failures.join(' '));
    failures.hidden = !exchange.failures.length;

    if (exchange.report || exchange.heardMs !== null) {
      if (!shown.latency) {
        for (const other of this.shown.values()) other.latency?.fold();
        shown.latency = new LatencyView();
        item.append(shown.latency.root);
      }
      shown.latency.render(exchange.report, exchange.heardMs);
    }
  }

  private item(role: 'user' | 'agent', who: string, turn: number, after: Element | null): HTMLElement {
    const item = element('li');
    item.dataset.role = role;
    item.dataset.turn = String(turn);
    item.append(element('span', 'who', who), element('p', 'text'));
    if (role === 'agent') item.append(element('p', 'note'), element('p', 'note failure'));
    if (after) after.after(item);
    else this.list.prepend(item);
    return item;
  }
}

function part(item: HTMLElement, name: string): HTMLElement {
  return item.querySelector(`.${name}`) as HTMLElement;
}
