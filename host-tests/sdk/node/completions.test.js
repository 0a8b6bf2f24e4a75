// Text completions: plain, streamed, and the effect of their parameters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEXT_MODEL, all, client } from './support.js';

const create = (parameters = {}) =>
  client.completions.create({ model: TEXT_MODEL, prompt: 'one two three', ...parameters });

test('a plain completion', async () => {
  const answer = await create();
  assert.deepEqual([answer.object, answer.model], ['text_completion', TEXT_MODEL]);
  assert.match(answer.id, /^cmpl-/);
  const [{ index, text, finish_reason }] = answer.choices;
  assert.deepEqual([index, text, finish_reason], [0, 'one two three', 'stop']);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(total_tokens, prompt_tokens + completion_tokens);
});

test('a streamed completion', async () => {
  const chunks = await all(create({ stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), 'one two three');
  assert.ok(chunks.length > 2);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('a streamed completion with usage', async () => {
  const chunks = await all(create({ stream: true, stream_options: { include_usage: true } }));
  const last = chunks.pop();
  assert.deepEqual([last.choices, last.usage], [[], (await create()).usage]);
  assert.ok(chunks.every((chunk) => chunk.usage === null));
});

test('several prompts', async () => {
  const { choices } = await create({ prompt: ['one', 'two'], n: 2, temperature: 0 });
  assert.deepEqual(choices.map((choice) => choice.text), ['one', 'one', 'two', 'two']);
  assert.deepEqual(choices.map((choice) => choice.index), [0, 1, 2, 3]);
});

test('echo', async () => {
  assert.equal((await create({ prompt: 'one', echo: true })).choices[0].text, 'oneone');
});

test('stop', async () => {
  const [{ text, finish_reason }] = (await create({ stop: ['three'] })).choices;
  assert.deepEqual([text, finish_reason], ['one two ', 'stop']);
});

test('max_tokens is the length, 16 by default', async () => {
  const short = await create({ max_tokens: 2 });
  assert.deepEqual([short.choices[0].text, short.choices[0].finish_reason], ['one two', 'length']);
  const long = await create({ prompt: 'word '.repeat(50) });
  assert.deepEqual([long.usage.completion_tokens, long.choices[0].finish_reason], [16, 'length']);
});
