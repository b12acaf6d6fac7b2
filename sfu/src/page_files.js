import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.wasm': 'application/wasm',
  '.wav': 'audio/wav',
  '.txt': 'text/plain; charset=utf-8',
};

/** @typedef {{path: string, type: string, size: number, etag: string}} PageFile */

/**
 * The file of a URL path; nothing outside `root` is ever found, be it by `..`, encoding or a link, nor a hidden file.
 *
 * @param {string} root
 * @param {string} urlPath as it came, percent-encoded
 * @returns {Promise<PageFile | null>} null: there is none
 */
export async function findPageFile(root, urlPath) {
  try {
    const name = decodeURIComponent(urlPath);
    const parts = name.split('/').filter(Boolean);
    if (parts.some((part) => part.startsWith('.') || /[\\\0]/.test(part))) return null;
    const base = await realpath(root);
    const path = await realpath(join(base, ...parts, name.endsWith('/') ? 'index.html' : ''));
    const type = TYPES[extname(path)];
    const found = await stat(path);
    if (!path.startsWith(base + sep) || !found.isFile() || !type) return null;
    const etag = `"${found.size.toString(36)}-${Math.floor(found.mtimeMs).toString(36)}"`;
    return { path, type, size: found.size, etag };
  } catch {
    return null; // no such file, or no such name
  }
}

/**
 * @param {PageFile} file
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
export function sendPageFile({ path, type, size, etag }, request, response) {
  // Asked for anew each time, since a page and its scripts must be of one version; mostly answered with 304.
  response.setHeader('Cache-Control', 'no-cache').setHeader('ETag', etag);
  if (request.headers['if-none-match'] === etag) return response.writeHead(304).end();
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': size });
  if (request.method === 'HEAD') return response.end();
  // Whichever of the two breaks takes the other with it: a page that is left half loaded leaves no open file.
  return pipeline(createReadStream(path), response, () => {});
}
