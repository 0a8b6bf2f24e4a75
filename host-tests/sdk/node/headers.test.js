// The headers of every response, in the SDK's raw responses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODEL, client, user } from './support.js';

function check(headers) {
  assert.equal(headers.get('openai-version'), '2020-10-01');
  assert.ok(Number(headers.get('openai-processing-ms')) >= 0);
  assert.ok(headers.get('x-request-id'));
}

test('of a list', async () => {
  const { headers } = await client.models.list().asResponse();
  check(headers);
  assert.equal(headers.get('content-type'), 'application/json');
});

test('of a chat', async () => {
  const call = client.chat.completions.create({ model: MODEL, messages: user('hi') });
  const { data, response, request_id } = await call.withResponse();
  check(response.headers);
  assert.equal(data.choices[0].message.content, 'hi');
  assert.deepEqual([request_id, data._request_id], Array(2).fill(response.headers.get('x-request-id')));
});

test('of a stream', async () => {
  const call = client.chat.completions.create({ model: MODEL, messages: user('hi'), stream: true });
  const response = await call.asResponse();
  check(response.headers);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const events = (await response.text()).split('\n\n');
  assert.deepEqual(events.slice(-2), ['data: [DONE]', '']);
});

test('the caller may name its request', async () => {
  const { headers } = await client.models.list({ headers: { 'x-request-id': 'mine-1' } }).asResponse();
  assert.equal(headers.get('x-request-id'), 'mine-1');
});
