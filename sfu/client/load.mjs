import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = path.join(path.dirname(fileURLToPath(import.meta.url)), 'src');

/** For tests: a module of the page, transformed so that Node can import it. */
export async function load(name) {
  const { outputFiles } = await build({
    entryPoints: [path.join(source, name)],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
