// The core of test_through.py with the SDK for Node; it reads the same environment variables.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';

const model = process.env.THROUGH_MODEL;
const lacks = (process.env.THROUGH_LACKS ?? '').split(',');
const needs = (what) => ({ skip: lacks.includes(what) && `this server has no ${what}` });
const client = new OpenAI({ maxRetries: 0, timeout: 300_000 });
const user = (content) => [{ role: 'user', content }];
const chat = (options) =>
  client.chat.completions.create({ model, messages: user('Tell me about the sea.'), max_tokens: 12, temperature: 0, ...options });

const tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } }, required: ['city'] },
  },
};

test('a chat', async () => {
  const { data, response } = await chat().withResponse();
  assert.ok(data.choices[0].message.content);
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
  assert.equal(response.headers.get('x-portcullis-attempts'), '1');
});

test('a stream with usage', async () => {
  let text = '';
  let usage;
  for await (const chunk of await chat({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.ok(text);
  assert.ok(usage.completion_tokens > 0);
});

test('a stream that is abandoned', async () => {
  let seen = 0;
  const stream = await chat({ messages: user('water '.repeat(300)), stream: true, max_tokens: 400 });
  for await (const _ of stream) if (++seen === 3) break;
  assert.equal(seen, 3);
  assert.ok((await chat({ max_tokens: 2 })).choices);
});

test('a forced tool call', needs('tool_choice'), async () => {
  const { choices } = await chat({ messages: user('The weather in Paris?'), tools: [tool], tool_choice: 'required', max_tokens: 100 });
  assert.equal(choices[0].message.tool_calls[0].function.name, 'get_weather');
});

test('a completion', needs('completions'), async () => {
  const answer = await client.completions.create({ model, prompt: 'The sea is', max_tokens: 6 });
  assert.ok(answer.choices[0].text);
});

test('the models', needs('models'), async () => {
  const { data } = await client.models.list();
  assert.ok(data.some(({ id }) => id === model));
});

test('a prompt that is too long', needs('limit'), async () => {
  await assert.rejects(chat({ messages: user('word '.repeat(6000)) }), OpenAI.BadRequestError);
});

test('a wrong key', async () => {
  await assert.rejects(client.withOptions({ apiKey: 'sk-0123456789abcdef' }).models.list(), OpenAI.AuthenticationError);
});
