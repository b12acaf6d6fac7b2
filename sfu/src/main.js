import { parseArgs } from 'node:util';
import { loadConfig, parseConfig } from './config.js';
import { messageOf, UserError } from './errors.js';
import { Front } from './front.js';
import { makeLogger } from './logger.js';
import { Operations } from './operations.js';
import { configAndLines } from './parent.js';

const HELP = `Usage: node src/main.js --config FILE

The SFU of voicebot: serves the page, carries the calls' audio (mediasoup), and hands each call to a call worker
that is connected to its Unix socket.

  --config FILE  the configuration, JSON (keys and defaults: README.md)
  --config -     the configuration is the first line of standard input; its end asks to stop, and further lines say
                 what operators are shown (PROTOCOL.md, The parent's pipe)
  --help         this text

Prints one JSON line when it is ready: {"ready": true, "url": "…", "pid": …}, and then, where its configuration came from
standard input, {"alive": true} every second. Logs to standard error.
Status: 0 asked to stop (SIGTERM, SIGINT, end of input), 1 it failed, 2 something to mend first.
MEDIASOUP_WORKER_BIN names the mediasoup worker where it is not in node_modules.
`;
const STOP_TIMEOUT_MS = 2500;
const ALIVE_EVERY_MS = 1000;

/** @returns {Promise<void>} */
async function main() {
  const { help, config: source } = options();
  if (help) return void process.stdout.write(HELP);
  if (!source) throw new UserError('No configuration.', 'Pass --config FILE; --help says more.');
  const operations = new Operations();
  const { config, parentGone } = await configOf(source, operations);
  const log = makeLogger(config.log_level);
  operations.onWrong = (wrong) => log.warning('parent_line', { wrong });
  const front = new Front(config, log, operations);
  let stopping = false;
  /** @param {string} why */
  const stop = async (why) => {
    if (stopping) return;
    stopping = true;
    log.info('stopping', { why });
    setTimeout(() => process.exit(0), STOP_TIMEOUT_MS);
    await front.close();
    process.exit(0);
  };
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT'])) process.on(signal, stop);
  parentGone?.then(() => stop('end of input'));
  try {
    const url = await front.start();
    if (stopping) return;
    process.stdout.write(`${JSON.stringify({ ready: true, url, pid: process.pid })}\n`);
    if (parentGone) setInterval(() => process.stdout.write('{"alive": true}\n'), ALIVE_EVERY_MS);
  } catch (error) {
    if (!stopping) throw error;
  }
}

function options() {
  try {
    return parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } } })
      .values;
  } catch (error) {
    throw new UserError(messageOf(error), '--help says what there is.');
  }
}

/** @param {string} source @param {Operations} operations */
async function configOf(source, operations) {
  if (source !== '-') return { config: loadConfig(source), parentGone: null };
  const { line, ended } = await configAndLines(process.stdin, (later) => operations.take(later));
  if (line === null)
    throw new UserError(
      'Standard input ended before a line with the configuration.',
      'Write it, and keep it open.',
    );
  return { config: parseConfig(line, 'standard input'), parentGone: ended };
}

/** @param {unknown} error */
function fail(error) {
  if (error instanceof UserError) {
    process.stderr.write(`error: ${error.message}${error.hint ? ` ${error.hint}` : ''}\n`);
    process.exit(2);
  }
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(1);
}

process.on('uncaughtException', fail);
// A reader of the output that goes away is no reason to fall; the end of input says that the parent is gone.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
main().catch(fail);
