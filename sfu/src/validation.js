import { Ajv } from 'ajv';

// The schemas are ours: compiling the schema of schemas would take most of the start.
const OPTIONS = { strict: true, meta: false, validateSchema: false };
const plain = new Ajv(OPTIONS);
const filling = new Ajv({ ...OPTIONS, useDefaults: true });

/** @typedef {import('ajv').ErrorObject} ErrorObject */

/**
 * Compiles a JSON schema.
 *
 * @param {object} schema
 * @param {{useDefaults?: boolean}} [options]
 * @returns {(value: unknown) => string | null} null where the value fits (its defaults filled in where asked for),
 *   else what is wrong, naming the key
 */
export function checker(schema, { useDefaults = false } = {}) {
  const validate = (useDefaults ? filling : plain).compile(schema);
  return (value) => (validate(value) ? null : explained(/** @type {ErrorObject[]} */ (validate.errors)[0]));
}

/** @param {ErrorObject} error */
function explained({ instancePath, keyword, params, message }) {
  const key = instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'additionalProperties') {
    return `unknown key ${quoted(key, params.additionalProperty)}`;
  }
  if (keyword === 'required') return `missing key ${quoted(key, params.missingProperty)}`;
  const what = keyword === 'enum' ? `must be one of ${params.allowedValues.join(', ')}` : message;
  return key ? `\`${key}\` ${what}` : `it ${what}`;
}

/** @param {string} parent @param {string} name */
function quoted(parent, name) {
  return `\`${parent ? `${parent}.` : ''}${name.slice(0, 100)}\``;
}

/**
 * An object schema that allows no other keys; a name that ends in `?` is optional.
 *
 * @param {Record<string, object>} keys
 * @returns {object}
 */
export function exactly(keys) {
  const names = Object.keys(keys);
  return {
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ''), keys[name]])),
  };
}
