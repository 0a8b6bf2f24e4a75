// Azure's client of the SDK: deployments in the path and the key in `api-key`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AzureOpenAI } from 'openai';
import { MODEL, all, user } from './support.js';

describe('AzureOpenAI', () => {
  const endpoint = process.env.OPENAI_BASE_URL.replace(/\/v1$/, '');
  const connect = (options = {}) =>
    new AzureOpenAI({
      endpoint, apiKey: process.env.OPENAI_API_KEY, apiVersion: '2024-10-21', maxRetries: 0, timeout: 30_000,
      // The SDK accepts only one of the two.
      baseURL: null,
      ...options,
    });

  test('a chat', async () => {
    const answer = await connect().chat.completions.create({ model: MODEL, messages: user('Hello there') });
    assert.deepEqual([answer.choices[0].message.content, answer.model], ['Hello there', MODEL]);
  });

  test('a deployment of the client', async () => {
    const client = connect({ deployment: 'gpt-4o-mini' });
    const answer = await client.chat.completions.create({ model: 'gpt-4', messages: user('Hello there') });
    assert.equal(answer.model, 'gpt-4o-mini');
  });

  test('a stream', async () => {
    const chunks = await all(
      connect().chat.completions.create({ model: MODEL, messages: user('One two three'), stream: true }),
    );
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), 'One two three');
  });
});
