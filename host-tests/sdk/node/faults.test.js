// Failures of upstreams, as the SDK reports them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import { connect, faulty, user } from './support.js';

describe('an upstream', { skip: !faulty && 'FAULTY_BASE_URL names no gateway whose upstreams fail' }, () => {
  const client = connect({ baseURL: faulty });
  const chat = (model, parameters, from = client) =>
    from.chat.completions.create({ model, messages: user('hi'), ...parameters });

  async function fails(model, kind, status) {
    const error = await chat(model).then(() => assert.fail('it succeeded'), (error) => error);
    assert.equal(error.constructor, kind, error);
    assert.equal(error.status, status);
    return error;
  }

  test('with a rate limit', async () => {
    const error = await fails('limited', OpenAI.RateLimitError, 429);
    assert.deepEqual([error.code, error.type], ['rate_limit_exceeded', 'requests']);
    assert.equal(error.headers.get('retry-after'), '7');
    assert.equal(error.headers.get('x-ratelimit-remaining-requests'), '0');
  });

  test('that fails', () => fails('failing', OpenAI.InternalServerError, 500));

  test('that is down', async () => {
    const error = await fails('down', OpenAI.InternalServerError, 502);
    assert.deepEqual([error.code, error.type], ['upstream_unavailable', 'server_error']);
  });

  test('that breaks off a stream', async () => {
    let text = '';
    const read = async () => {
      for await (const chunk of await chat('dying', { stream: true })) text += chunk.choices[0].delta.content ?? '';
    };
    const error = await read().then(() => assert.fail('it went well'), (error) => error);
    assert.ok(error instanceof OpenAI.APIError, error);
    assert.deepEqual([error.code, error.type, text], ['upstream_unavailable', 'server_error', 'one two']);
  });

  test('that fails at first', async () => {
    const answer = await chat('flaky', {}, connect({ baseURL: faulty, maxRetries: 2 }));
    assert.equal(answer.choices[0].message.content, 'At last.');
  });
});
