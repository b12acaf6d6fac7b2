/** One signalling connection: requests with their answers, events, and how it ended. */

import { CallFailure } from './failure';
import { type FrontMessage, type Joined, parseMessage, VERSION } from './protocol';
import type { Json } from './values';

const OPEN_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
/** Close codes that carry a reason of the protocol, for fronts that close without a `refused`. */
const CLOSE_CODES: Record<number, string> = {
  4001: 'busy',
  4002: 'not_ready',
  4003: 'wrong_version',
  4004: 'unknown_call',
  4005: 'in_use',
  4006: 'not_allowed',
  4400: 'bad_message',
  4429: 'too_fast',
};

export interface SignallingHandlers {
  onEvent(event: unknown): void;
  /** The server ended the call. */
  onEnded(reason: string, message: string): void;
  /** The connection is gone and nobody said why, or `failure` says. Not called after `close`. */
  onLost(failure: CallFailure | null): void;
}

interface Pending {
  resolve(data: Json): void;
  reject(error: Error): void;
  timer: number;
}

export class Signalling {
  handlers: SignallingHandlers | null = null;
  private nextId = 0;
  private over = false;
  private readonly pending = new Map<number, Pending>();

  private constructor(private readonly socket: WebSocket) {
    socket.onmessage = (message) => this.receive(parseMessage(String(message.data)));
    socket.onclose = (close) => {
      const code = CLOSE_CODES[close.code];
      this.lose(code ? new CallFailure(code, close.reason) : null);
    };
  }

  /**
   * Join: a new call, or with a token the one that lost its connection.
   *
   * @param call its name, of the page's own making.
   * @param accessToken lets a new call in, where the front wants that; "" for none.
   *
   * @throws CallFailure with the front's refusal, `unreachable`, or `signalling_refused`.
   */
  static async open(
    call: string,
    token: string | null,
    signal: AbortSignal,
    accessToken = '',
  ): Promise<{ signalling: Signalling; joined: Joined }> {
    const url = new URL('signal', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    // For load balancers: whoever comes back with it gets to the same machine.
    url.searchParams.set('call', call);
    if (token !== null) url.searchParams.set('resume', '1');
    const socket = new WebSocket(url);
    try {
      const joined = await join(socket, token, accessToken, signal);
      return { signalling: new Signalling(socket), joined };
    } catch (error) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // The front may have joined it in this moment: a call that nobody knows of would hold its worker for the grace time.
      const unwanted = token === null || signal.aborted;
      if (unwanted && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'leave' }));
      socket.close();
      throw error;
    }
  }

  /** @throws CallFailure `setup_failed` where the front says no, does not answer, or the connection breaks. */
  request(method: string, data: Json): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (this.over) {
        reject(new CallFailure('setup_failed', `${method}: no connection`));
        return;
      }
      const id = this.nextId++;
      const timer = window.setTimeout(() => {
        this.pending.delete(id);
        reject(new CallFailure('setup_failed', `${method}: no answer`));
      }, REQUEST_TIMEOUT_MS);
      this.pending.set(id, { resolve, reject, timer });
      this.socket.send(JSON.stringify({ type: 'request', id, method, data }));
    });
  }

  get alive(): boolean {
    return !this.over;
  }

  heard(turn: number, ms: number): void {
    if (!this.over) this.socket.send(JSON.stringify({ type: 'heard', turn_id: turn, voice_to_voice_ms: ms }));
  }

  leave(): void {
    if (!this.over) this.socket.send(JSON.stringify({ type: 'leave' }));
    this.close();
  }

  /** Drop the connection; the call waits for a resume. */
  close(): void {
    this.handlers = null;
    this.lose(null);
    this.socket.close();
  }

  private receive(message: FrontMessage | null): void {
    if (message === null || this.over) return;
    switch (message.type) {
      case 'response': {
        const pending = this.pending.get(message.id);
        if (!pending) return;
        this.pending.delete(message.id);
        window.clearTimeout(pending.timer);
        if (message.ok) pending.resolve(message.data);
        else pending.reject(new CallFailure('setup_failed', message.message || message.code));
        return;
      }
      case 'event':
        this.handlers?.onEvent(message.event);
        return;
      case 'ended':
        this.handlers?.onEnded(message.reason, message.message);
        return;
      case 'refused':
        this.lose(new CallFailure(message.code, message.message));
        return;
    }
  }

  private lose(failure: CallFailure | null): void {
    if (this.over) return;
    this.over = true;
    for (const { reject, timer } of this.pending.values()) {
      window.clearTimeout(timer);
      reject(new CallFailure('setup_failed', 'the connection broke'));
    }
    this.pending.clear();
    this.handlers?.onLost(failure);
  }
}

function join(
  socket: WebSocket,
  token: string | null,
  accessToken: string,
  signal: AbortSignal,
): Promise<Joined> {
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(() => reject(new CallFailure('unreachable')), OPEN_TIMEOUT_MS);
    const settle = (act: () => void) => {
      window.clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      act();
    };
    const abort = () => settle(() => reject(new CallFailure('aborted')));
    signal.addEventListener('abort', abort);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      const invited = accessToken ? { access_token: accessToken } : {};
      const which = token === null ? invited : { resume: token };
      socket.send(JSON.stringify({ type: 'join', version: VERSION, ...which }));
    };
    socket.onmessage = (event) => {
      const message = parseMessage(String(event.data));
      if (message?.type === 'joined') settle(() => resolve(message));
      else if (message?.type === 'refused')
        settle(() => reject(new CallFailure(message.code, message.message)));
      else settle(() => reject(new CallFailure('wrong_version')));
    };
    socket.onclose = (close) => {
      const code = CLOSE_CODES[close.code];
      if (code) settle(() => reject(new CallFailure(code, close.reason)));
      else if (opened) settle(() => reject(new CallFailure('unreachable')));
      else void whyUnreachable().then((why) => settle(() => reject(new CallFailure(why))));
    };
  });
}

/** A browser does not tell a page why a WebSocket was not let in: ask the server whether it is there at all. */
async function whyUnreachable(): Promise<string> {
  try {
    const answer = await fetch(new URL('healthz', document.baseURI), { cache: 'no-store' });
    return answer.ok ? 'signalling_refused' : 'unreachable';
  } catch {
    return 'unreachable';
  }
}
