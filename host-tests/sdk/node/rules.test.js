// Rules: refusals, errors and broken responses that a test can trigger, as the SDK reports them.

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { MODEL, chained, connect, ruled, tool, unruled, user } from './support.js';

describe('by a rule', { skip: unruled }, () => {
  const client = connect({ baseURL: ruled });
  const create = (text, parameters = {}) =>
    client.chat.completions.create({ model: MODEL, messages: user(text), ...parameters });

  afterEach(async () => {
    assert.equal((await create('Still there?')).choices[0].message.content, 'Still there?');
  });

  test('an error', async () => {
    const error = await create('overload').then(() => assert.fail('it succeeded'), (error) => error);
    assert.ok(error instanceof OpenAI.RateLimitError, error);
    assert.deepEqual([error.code, error.type], ['rate_limit_exceeded', 'requests']);
    assert.equal(error.headers.get('retry-after'), '2');
  });

  test('a retry succeeds', async () => {
    await assert.rejects(create('busy'), OpenAI.InternalServerError);
    const patient = connect({ baseURL: ruled, maxRetries: 1 });
    const answer = await patient.chat.completions.create({ model: MODEL, messages: user('busy') });
    assert.equal(answer.choices[0].message.content, 'busy');
  });

  // After the response head, the SDK passes on the error of `fetch`.
  const terminated = { name: 'TypeError', message: 'terminated' };

  test('a connection that breaks', { skip: chained }, async () => {
    // If the head and the break arrive together, the head is lost.
    const error = await create('hang up').then(() => assert.fail('it succeeded'), (error) => error);
    assert.ok(error instanceof OpenAI.APIConnectionError || error.message === terminated.message, error);
  });

  test('a stream that breaks', { skip: chained }, async () => {
    const chunks = [];
    await assert.rejects(async () => {
      // `fetch` drops data that arrives together with the break. With this model's latency the first chunks arrive before.
      const parameters = { model: 'slow', stream: true };
      for await (const chunk of await create('Now break off', parameters)) chunks.push(chunk);
    }, terminated);
    assert.ok(chunks.length > 0 && chunks.length <= 3, chunks);
  });

  test('a refusal, plain and streamed', async () => {
    const response_format = zodResponseFormat(z.object({ x: z.number() }), 'point');
    const parameters = { model: MODEL, messages: user('My password?'), response_format };
    const { choices: [{ message }] } = await client.chat.completions.parse(parameters);
    assert.deepEqual([message.parsed, message.content, message.refusal], [null, null, "I can't help with passwords."]);
    const stream = client.chat.completions.stream(parameters);
    const pieces = [];
    stream.on('refusal.delta', ({ delta }) => delta && pieces.push(delta));
    assert.equal((await stream.finalMessage()).refusal, message.refusal);
    assert.equal(pieces.join(''), message.refusal);
    assert.ok(pieces.length > 2);
  });

  test('a loop of runTools', async () => {
    const cities = [];
    const weather = tool('get_weather', { city: { type: 'string' } });
    weather.function.function = ({ city }) => cities.push(city) && '18 degrees';
    weather.function.parse = JSON.parse;
    const runner = client.chat.completions.runTools({
      model: MODEL, messages: user('How is the weather?'), tools: [weather],
    });
    assert.equal(await runner.finalContent(), 'It is 18 degrees in Paris.');
    assert.deepEqual(cities, ['Paris']);
  });
});
