/** The waterfall of one turn, folded under a line that says the sum. */

import { element, setText } from './dom';
import { type Row, type Waterfall, waterfall } from './waterfall';
import { milliseconds } from './wording';

export class LatencyView {
  readonly root = document.createElement('details');
  private readonly heard = element('span', 'heard');
  private readonly server = element('span', 'server');
  private readonly verdict = element('span', 'verdict');
  private readonly rows = element('dl', 'rows');
  private touched = false;

  constructor() {
    this.root.className = 'latency';
    this.root.open = true;
    const summary = element('summary');
    summary.append(this.heard, this.server, this.verdict);
    summary.addEventListener('click', () => {
      this.touched = true;
    });
    this.root.append(summary, this.rows);
  }

  /** Makes way for the next one, unless the reader has laid hands on it. */
  fold(): void {
    if (!this.touched) this.root.open = false;
  }

  render(report: unknown, heardMs: number | null): void {
    if (heardMs !== null) this.heard.dataset.ms = String(heardMs);
    setText(this.heard, heardMs === null ? '' : `Heard after ${milliseconds(heardMs)}`);
    const layout = waterfall(report, heardMs);
    this.root.hidden = !layout && heardMs === null;
    if (!layout) return;
    const between = heardMs === null ? 'Server: ' : ', server ';
    setText(this.server, `${between}${milliseconds(layout.serverMs)}`);
    this.renderVerdict(layout);
    this.rows.replaceChildren(...layout.rows.map((row) => rowElement(row, layout)));
  }

  private renderVerdict(layout: Waterfall): void {
    const over = layout.withinBudget === false;
    const guilty = layout.rows.find((row) => row.guilty);
    const cause = guilty ? `: ${guilty.label.toLowerCase()}` : '';
    setText(this.verdict, over ? ` · over budget${cause}` : layout.withinBudget ? ' · within budget' : '');
    this.verdict.classList.toggle('over', over);
  }
}

function rowElement(row: Row, { from, to }: Waterfall): HTMLElement {
  const item = element('div', 'row');
  item.dataset.hop = row.name;
  item.dataset.kind = row.kind;
  const track = element('dd', 'track');
  track.setAttribute('aria-hidden', 'true');
  for (const { start, ms } of row.segments) {
    const bar = element('span', 'bar');
    bar.style.left = `${((start - from) / (to - from)) * 100}%`;
    bar.style.width = `${(ms / (to - from)) * 100}%`;
    track.append(bar);
  }
  let words = milliseconds(row.ms);
  if (row.overMs !== null) {
    item.dataset.over = String(row.overMs);
    words += `, ${Math.round(row.overMs)} over`;
  }
  item.append(element('dt', '', row.label), track, element('dd', 'ms', words));
  return item;
}
