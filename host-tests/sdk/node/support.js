// The clients of the gateway, and values that all tests share.
//
// OPENAI_BASE_URL and OPENAI_API_KEY, the SDK's own variables, are the URL and the key of the gateway.
// FAULTY_BASE_URL, optional, is a gateway with the same key whose models fail, each in the way that its name describes.
// RULES_BASE_URL, optional, is a gateway whose engine follows examples/agent-rules.json.

import assert from 'node:assert/strict';
import OpenAI from 'openai';

export const MODEL = 'gpt-4o';
export const TEXT_MODEL = 'gpt-3.5-turbo-instruct';

/** A client without retries by default. */
export const connect = (options = {}) => new OpenAI({ maxRetries: 0, timeout: 30_000, ...options });

export const client = connect();

/** A conversation of one message, which the engine echoes. */
export const user = (text) => [{ role: 'user', content: text }];

/** The gateway whose models fail, if there is one. */
export const faulty = process.env.FAULTY_BASE_URL;

/** The gateway that follows the rules, if there is one; otherwise the reason to skip its tests. */
export const ruled = process.env.RULES_BASE_URL;
export const unruled = !ruled && 'RULES_BASE_URL names no gateway that follows the rules';

/** The reason to skip tests of broken connections, if there is a gateway in front. */
export const chained = Boolean(process.env.CHAINED) && 'the gateway in front reports broken connections as errors';

/** A function tool with these parameters, all required. */
export const tool = (name, properties) => ({
  type: 'function',
  function: {
    name,
    strict: true,
    parameters: { type: 'object', properties, required: Object.keys(properties), additionalProperties: false },
  },
});

/** All items of a stream. */
export async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

/** Asserts that the same client, possibly on the same connection, still works. */
export async function well() {
  const answer = await client.chat.completions.create({ model: MODEL, messages: user('Still there?') });
  assert.equal(answer.choices[0].message.content, 'Still there?');
}
