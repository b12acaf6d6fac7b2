/**
 * Builds the page into core/voicebot/page (or the folder given). The same sources and packages give the same bytes on
 * every machine: no times, no paths, no hashes.
 */

import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const out = path.resolve(process.argv[2] ?? path.join(root, '../core/voicebot/page'));

// Another folder is its owner's: nothing is removed there.
if (!process.argv[2]) await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

const { metafile } = await build({
  // Names in the output are relative to here.
  absWorkingDir: root,
  entryPoints: { page: 'client/src/main.ts', 'playout-meter': 'client/src/worklet.ts' },
  outdir: out,
  bundle: true,
  format: 'esm',
  target: ['chrome111', 'firefox120', 'safari16'],
  minify: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
await cp(path.join(here, 'static'), out, { recursive: true });
await writeFile(path.join(out, 'LICENSES.txt'), await licences(Object.keys(metafile.inputs)));

/** The licences of the packages that are in the bundle, which ask for it. */
async function licences(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const match = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.add(match[1]);
  }
  const texts = await Promise.all(
    [...packages].sort().map(async (name) => {
      const folder = path.join(root, 'node_modules', name);
      const { version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
      return `${name} ${version} (${license})\n\n${await licenceText(folder)}`;
    }),
  );
  return `page.js contains these packages.\n\n${texts.join(`\n${'-'.repeat(72)}\n\n`)}`;
}

async function licenceText(folder) {
  const file = (await readdir(folder)).sort().find((name) => /^licen[cs]e(\.|$)/i.test(name));
  if (!file) throw new Error(`no licence text in ${folder}: may it be shipped at all?`);
  return `${(await readFile(path.join(folder, file), 'utf8')).trim()}\n`;
}
