// Where the gateway is, and the few values all tests share.
//
// The SDK's own variables say where and with which key: OPENAI_BASE_URL and OPENAI_API_KEY.
// FAULTY_BASE_URL, optional, is a gateway with the same key whose models fail, each in the way of its name.
// RULES_BASE_URL, optional, is one whose engine follows examples/agent-rules.json.

import assert from 'node:assert/strict';
import OpenAI from 'openai';

export const MODEL = 'gpt-4o';
export const TEXT_MODEL = 'gpt-3.5-turbo-instruct';

/** A client that gives up at the first failure, unless told otherwise. */
export const connect = (options = {}) => new OpenAI({ maxRetries: 0, timeout: 30_000, ...options });

export const client = connect();

/** A conversation of one message, which the engine echoes. */
export const user = (text) => [{ role: 'user', content: text }];

/** The gateway whose models fail, if there is one. */
export const faulty = process.env.FAULTY_BASE_URL;

/** The gateway that follows the rules, if there is one, and why tests of it are skipped, if there is none. */
export const ruled = process.env.RULES_BASE_URL;
export const unruled = !ruled && 'RULES_BASE_URL names no gateway that follows the rules';

/** Why tests of broken connections are skipped, if they are: a gateway in front tells of what breaks behind it. */
export const chained = Boolean(process.env.CHAINED) && 'the gateway in front tells of what breaks behind it';

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

/** Asserts that the same client, and so maybe the same connection, goes on to work. */
export async function well() {
  const answer = await client.chat.completions.create({ model: MODEL, messages: user('Still there?') });
  assert.equal(answer.choices[0].message.content, 'Still there?');
}
