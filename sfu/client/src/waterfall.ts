/**
 * Where a turn's milliseconds went, as bars: the report's stamps laid out from the user's last sample on.
 *
 * Hops overlap where work was done ahead of the end of the turn; `orchestration` is what no hop accounts for, so its bars
 * are the gaps.
 */

import { isRecord, numberOr, numbers } from './values';

export interface Segment {
  /** ms after the user's last sample; negative where work began before it. */
  start: number;
  ms: number;
}

export interface Row {
  name: string;
  label: string;
  kind: 'hop' | 'total';
  ms: number;
  /** How far over its budget, or null. */
  overMs: number | null;
  guilty: boolean;
  segments: Segment[];
}

export interface Waterfall {
  rows: Row[];
  /** The scale, in ms. */
  from: number;
  to: number;
  serverMs: number;
  heardMs: number | null;
  /** Null where the report holds no verdict. */
  withinBudget: boolean | null;
}

const HOPS: Record<string, { label: string; from: string; to: string }> = {
  end_of_turn: { label: 'End of turn', from: 'speech_ended', to: 'committed' },
  stt_final: { label: 'Transcript', from: 'stt_requested', to: 'stt_final' },
  llm_ttft: { label: 'First token', from: 'llm_requested', to: 'llm_first_token' },
  first_clause: { label: 'First clause', from: 'llm_first_token', to: 'first_clause' },
  tts_ttfa: { label: 'First sound', from: 'tts_requested', to: 'tts_first_audio' },
};

/**
 * @param report of one turn, as `turn_measured` carries it.
 * @param heardMs the page's own measurement.
 * @returns null where nothing was answered, or was not audible.
 */
export function waterfall(report: unknown, heardMs: number | null): Waterfall | null {
  if (!isRecord(report)) return null;
  const serverMs = numberOr(report.voice_to_voice_ms, null);
  if (serverMs === null) return null;
  const hops = numbers(report.hops_ms);
  const stamps = numbers(report.timeline_ms);
  const verdict = isRecord(report.budget) ? report.budget : null;
  const over = numbers(verdict?.over_ms);
  const row = (name: string, label: string, kind: Row['kind'], ms: number, segments: Segment[]): Row => ({
    name,
    label,
    kind,
    ms,
    overMs: over.get(name) ?? null,
    guilty: verdict?.guilty === name,
    segments,
  });

  const rows: Row[] = [];
  const origin = stamps.get('speech_ended');
  let reached = 0;
  for (const [name, hop] of Object.entries(HOPS)) {
    const ms = hops.get(name);
    if (ms === undefined) continue;
    const stamp = stamps.get(hop.from);
    // Without stamps, one after the other.
    const start = origin !== undefined && stamp !== undefined ? stamp - origin : reached;
    reached = Math.max(reached, start + ms);
    rows.push(row(name, hop.label, 'hop', ms, [{ start, ms }]));
  }
  const rest = hops.get('orchestration');
  if (rest !== undefined && rest >= 0.5) {
    const busy = rows.flatMap((r) => r.segments);
    rows.push(row('orchestration', 'The rest', 'hop', rest, gaps(busy, serverMs)));
  }
  rows.push(row('voice_to_voice', 'Server', 'total', serverMs, [{ start: 0, ms: serverMs }]));
  if (heardMs !== null) rows.push(row('heard', 'Heard', 'total', heardMs, [{ start: 0, ms: heardMs }]));

  const all = rows.flatMap((r) => r.segments);
  return {
    rows,
    from: Math.min(0, ...all.map((s) => s.start)),
    to: Math.max(1, ...all.map((s) => s.start + s.ms)),
    serverMs,
    heardMs,
    withinBudget: typeof verdict?.within === 'boolean' ? verdict.within : null,
  };
}

/** What of 0 … end is not covered. */
function gaps(covered: Segment[], end: number): Segment[] {
  const found: Segment[] = [];
  let reached = 0;
  for (const { start, ms } of [...covered].sort((a, b) => a.start - b.start)) {
    const until = Math.min(start, end);
    if (until - reached >= 0.5) found.push({ start: reached, ms: until - reached });
    reached = Math.max(reached, start + ms);
  }
  if (end - reached >= 0.5) found.push({ start: reached, ms: end - reached });
  return found;
}
