// Structured output: parsed with Zod, plain and streamed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { MODEL, client, user, well } from './support.js';

const Node = z.object({ name: z.string(), get children() { return z.array(Node); } });
const Event = z.object({
  title: z.string(),
  colour: z.enum(['red', 'blue']),
  seats: z.number().int(),
  day: z.iso.date(),
  host: z.string().nullable(),
  place: z.union([z.object({ city: z.string() }), z.object({ link: z.string() })]),
  plan: Node,
});
const parameters = {
  model: MODEL,
  messages: user('An event'),
  response_format: zodResponseFormat(Event, 'event'),
};

test('a response is parsed with Zod', async () => {
  const { choices: [{ finish_reason, message }] } = await client.chat.completions.parse(parameters);
  assert.equal(finish_reason, 'stop');
  assert.deepEqual(Event.parse(JSON.parse(message.content)), message.parsed);
});

test('another seed, another instance', async () => {
  const text = async (seed) => (await client.chat.completions.parse({ ...parameters, seed })).choices[0].message.content;
  assert.equal(await text(1), await text(1));
  assert.notEqual(await text(1), await text(2));
});

test('the stream helper parses as it goes', async () => {
  const stream = client.chat.completions.stream({ ...parameters, stream_options: { include_usage: true } });
  const parts = [];
  let done;
  stream.on('content.delta', ({ parsed }) => parsed && parts.push(Object.keys(parsed).length));
  stream.on('content.done', (event) => (done = event));
  const { choices: [{ message }], usage } = await stream.finalChatCompletion();
  assert.deepEqual(parts, [...parts].sort((a, b) => a - b));
  assert.ok(new Set(parts).size > 3, 'members come one after the other');
  assert.deepEqual([done.parsed, done.content], [message.parsed, message.content]);
  Event.parse(message.parsed);
  assert.ok(usage.completion_tokens > 3);
});

test('several choices, streamed', async () => {
  const { choices } = await client.chat.completions.stream({ ...parameters, n: 3 }).finalChatCompletion();
  assert.deepEqual(choices.map(({ index }) => index), [0, 1, 2]);
  choices.forEach(({ message }) => Event.parse(message.parsed));
  assert.equal(new Set(choices.map(({ message }) => message.content)).size, 3);
});

test('a truncated response is an error', async () => {
  const cut = { ...parameters, max_tokens: 3 };
  await assert.rejects(client.chat.completions.parse(cut), OpenAI.LengthFinishReasonError);
  const stream = client.chat.completions.stream(cut);
  await assert.rejects(stream.finalChatCompletion(), OpenAI.LengthFinishReasonError);
  await well();
});

test('any object', async () => {
  const json = { messages: user('Some JSON'), response_format: { type: 'json_object' } };
  const answer = await client.chat.completions.create({ ...parameters, ...json });
  assert.equal(typeof JSON.parse(answer.choices[0].message.content), 'object');
});
