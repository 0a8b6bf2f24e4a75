// Errors: each is thrown as the SDK's class for it, with all details of the API.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { MODEL, client, connect, user, well } from './support.js';

const chat = (parameters) =>
  client.chat.completions.create({ model: MODEL, messages: user('hi'), ...parameters });

/** Asserts how a call fails, and that the next succeeds. */
async function fails(call, kind, status, code, param = null) {
  const error = await call.then(() => assert.fail('it succeeded'), (error) => error);
  assert.equal(error.constructor, kind, error);
  assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
  assert.equal(error.type, 'invalid_request_error');
  assert.ok(error.requestID);
  assert.equal(error.headers.get('openai-version'), '2020-10-01');
  assert.deepEqual(Object.keys(error.error).sort(), ['code', 'message', 'param', 'type']);
  await well();
  return error;
}

for (const [parameters, code, param] of [
  [{ unknown_option: 1 }, 'unknown_parameter', 'unknown_option'],
  [{ unknown_option: 1, stream: true }, 'unknown_parameter', 'unknown_option'],
  [{ messages: undefined }, 'missing_required_parameter', 'messages'],
  [{ messages: [] }, 'empty_array', 'messages'],
  [{ messages: [{ role: 'robot', content: 'hi' }] }, 'invalid_value', 'messages[0].role'],
  [{ temperature: 3 }, 'decimal_above_max_value', 'temperature'],
  [{ n: 0 }, 'integer_below_min_value', 'n'],
  [{ max_tokens: 'ten' }, 'invalid_type', 'max_tokens'],
  [{ stream_options: { include_usage: true } }, null, 'stream_options'],
]) {
  test(`a bad request${parameters.stream ? ', streamed' : ''}: ${param}, ${code}`, () =>
    fails(chat(parameters), OpenAI.BadRequestError, 400, code, param));
}

test('a missing prompt', () =>
  fails(client.completions.create({ model: 'davinci-002' }), OpenAI.BadRequestError, 400,
    'missing_required_parameter', 'prompt'));

for (const stream of [false, true]) {
  test(`an unknown model, ${stream ? 'streamed' : 'plain'}`, () =>
    fails(chat({ model: 'gpt-0', stream }), OpenAI.NotFoundError, 404, 'model_not_found'));
}

test('an unknown path', async () => {
  const call = client.files.list();
  const error = await fails(call, OpenAI.NotFoundError, 404, 'unknown_url');
  assert.match(error.message, /GET \/v1\/files/);
});

test('a wrong key', async () => {
  const stranger = connect({ apiKey: 'sk-0123456789abcdef' });
  const error = await fails(stranger.models.list(), OpenAI.AuthenticationError, 401, 'invalid_api_key');
  assert.doesNotMatch(error.message, /0123456789/);
});

test('no key', () =>
  fails(client.models.list({ headers: { Authorization: null } }), OpenAI.AuthenticationError, 401, null));
