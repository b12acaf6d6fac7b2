// The operator's page: draws the picture that the server sends whenever it has changed, and asks it to end a call.

const STATES = {
  warming_up: 'Getting ready',
  listening: 'Listening',
  user_speaking: 'Caller speaks',
  thinking: 'Thinking',
  agent_speaking: 'Agent speaks',
  ended: 'Ended',
};
const WORKERS = {
  waiting: 'waits to be started',
  warming: 'warming up',
  warm: 'free',
  on_call: 'in a call',
  leaving: 'leaving',
  retired: 'ended',
};
const HOPS = {
  end_of_turn: 'End of turn',
  stt_final: 'Transcript',
  llm_ttft: 'First token',
  first_clause: 'First clause',
  tts_ttfa: 'First sound',
  orchestration: 'The rest',
};
const COUNTS = {
  interruptions: 'interrupted',
  false_interruptions: 'false interruptions',
  discarded: 'answers dropped',
  failures: 'engine failures',
};
const WHO = { user: 'Caller', agent: 'Agent' };

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {string} [text] @param {string} [name] of its class */
function make(tag, text = '', name = '') {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  return element;
}

/** Changes the text only where it is another: what is selected, or read aloud, stays. */
function write(element, text, bad = false) {
  if (element.textContent !== text) element.textContent = text;
  element.classList.toggle('bad', bad);
}

// --- the server ---

function drawServer({ profile, draining, obstacle, busy, idle, workers, engines, calls }) {
  write(byId('profile'), profile);
  const full = workers.every(({ state }) => state !== 'warm');
  const why = obstacle || (full ? 'no call worker is free' : calls.length && busy);
  write(byId('next'), why ? `refused: ${why}` : 'would be taken', Boolean(draining || obstacle));
  write(byId('idle'), idle === null ? '…' : `${Math.round(idle * 100)} %`, Boolean(busy));
  byId('workers').replaceChildren(
    ...workers.map(({ state }, index) => make('li', `${index + 1}: ${WORKERS[state] ?? state}`)),
  );
  const unwell = engines.filter(({ state, why }) => state !== 'ready' || why);
  byId('engines').replaceChildren(
    ...(unwell.length || !engines.length
      ? unwell.map(({ kind, plugin, state, why }) => make('li', `${kind} ${plugin}: ${why || state}`, 'bad'))
      : [make('li', 'all ready')]),
  );
}

// --- calls ---

/** @type {Map<string, HTMLElement>} */
const shown = new Map();
let ahead = 0;

/** @param {number} seconds */
function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

function drawCalls(calls) {
  const ids = new Set(calls.map(({ id }) => id));
  for (const [id, article] of shown) {
    if (ids.has(id)) continue;
    const hadFocus = article.contains(document.activeElement);
    article.remove();
    shown.delete(id);
    say(`Call ${id} has ended.`);
    if (hadFocus) byId('calls-title').focus();
  }
  for (const call of calls) {
    if (!shown.has(call.id)) shown.set(call.id, place(call.id));
    drawCall(shown.get(call.id), call);
  }
  write(byId('count'), String(calls.length));
  byId('none').hidden = calls.length > 0;
}

/** @param {string} id */
function place(id) {
  const template = /** @type {HTMLTemplateElement} */ (byId('call'));
  const fragment = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const article = /** @type {HTMLElement} */ (fragment.firstElementChild);
  const button = article.querySelector('button');
  article.querySelector('h3').textContent = `Call ${id}`;
  button.setAttribute('aria-label', `End call ${id}`);
  button.addEventListener('click', () => ask(id));
  byId('calls').append(article);
  return article;
}

function drawCall(article, call) {
  const part = (name) => article.querySelector(`.${name}`);
  write(part('state'), call.ending ? 'Saying goodbye' : (STATES[call.state] ?? call.state));
  article.dataset.began = call.began_unix_s;
  const counts = Object.entries(call.counts).map(([name, count]) => `${count} ${COUNTS[name] ?? name}`);
  const drops = Object.entries(call.drops).map(([name, count]) => `queue ${name} overflowed ${count}×`);
  write(
    part('counts'),
    [`${call.answered} answered`, ...counts, ...drops].map((fact) => `· ${fact}`).join(' '),
  );
  part('trouble').hidden = !call.trouble;
  write(part('trouble'), call.trouble);
  const turns = JSON.stringify(call.turns);
  if (part('turns').dataset.drawn !== turns) {
    part('turns').dataset.drawn = turns;
    part('turns').replaceChildren(...call.turns.toReversed().map(drawTurn));
  }
  part('lines').replaceChildren(
    ...call.lines.map(({ who, text }) => {
      const line = make('li');
      line.append(make('span', `${WHO[who]}: `, 'who'), text);
      return line;
    }),
  );
  tick();
}

/** A turn's bars, on the scale of its own length. */
function drawTurn({ turn, ms, heard_ms: heardMs, over, ended, hops, rest_ms: restMs }) {
  const item = make('li');
  const heard = heardMs === null ? '' : `, heard after ${Math.round(heardMs)} ms`;
  const interrupted = ended === 'interrupted' ? ', interrupted' : '';
  item.append(make('p', `Turn ${turn}: ${Math.round(ms)} ms${heard}${interrupted}`, over ? 'over' : ''));
  const from = Math.min(0, ...hops.map((hop) => hop.start_ms));
  const to = Math.max(1, ms, ...hops.map((hop) => hop.start_ms + hop.ms));
  const percent = (value) => `${(100 * value) / (to - from)}%`;
  const list = make('ul');
  for (const hop of hops) {
    const row = make('li', '', hop.over ? 'over' : '');
    const track = make('span', '', 'track');
    const bar = make('span', '', 'bar');
    bar.style.left = percent(hop.start_ms - from);
    bar.style.width = percent(hop.ms);
    track.append(bar);
    row.append(make('span', HOPS[hop.hop]), track, make('span', `${Math.round(hop.ms)} ms`, 'ms'));
    list.append(row);
  }
  if (restMs >= 0.5) {
    const row = make('li');
    row.append(
      make('span', HOPS.orchestration),
      make('span'),
      make('span', `${Math.round(restMs)} ms`, 'ms'),
    );
    list.append(row);
  }
  item.append(list);
  return item;
}

function tick() {
  for (const article of shown.values()) {
    const age = Date.now() / 1000 + ahead - Number(article.dataset.began);
    write(article.querySelector('.since'), `for ${duration(age)}`);
  }
}
setInterval(tick, 1000);

// --- ending one ---

const dialog = /** @type {HTMLDialogElement} */ (byId('ending'));
let asked = '';

/** @param {string} id */
function ask(id) {
  asked = id;
  write(byId('ending-title'), `End call ${id}?`);
  dialog.returnValue = '';
  dialog.showModal();
}

dialog.addEventListener('close', async () => {
  if (!dialog.returnValue) return;
  const goodbye = dialog.returnValue === 'goodbye';
  try {
    const answer = await fetch('hang-up', { method: 'POST', body: JSON.stringify({ call: asked, goodbye }) });
    say(answer.ok ? `Call ${asked} is being ended.` : `Call ${asked}: ${await answer.text()}`);
  } catch {
    say('The server cannot be reached.');
  }
});

/** @param {string} text is read aloud, too */
function say(text) {
  byId('said').textContent = text;
}

// --- the connection ---

const events = new EventSource('events');
events.addEventListener('message', ({ data }) => {
  const { now_unix_s: serverUnixS, picture } = JSON.parse(data);
  ahead = serverUnixS - Date.now() / 1000;
  write(
    byId('connection'),
    picture.draining ? 'Draining: no further call is taken' : 'Live',
    picture.draining,
  );
  drawServer(picture);
  drawCalls(picture.calls);
});
events.addEventListener('error', () =>
  write(byId('connection'), 'The server cannot be reached; trying again …', true),
);
